//! Every byte of a conversation at which a connection can fail, in every way.
//!
//! Built without optimisation, only a sample of the places is visited.

mod case;

use crate::net::{Cut, Dir, How};
use case::{Auth, Branch, Case, Pair};

const HOWS: [How; 5] = [How::Close, How::Reset, How::HalfClose, How::Stall, How::Silence];

/// Of how many places one is visited.
const STRIDE: u64 = if cfg!(debug_assertions) { 47 } else { 1 };

/// Runs all cases of two policies.
fn sweep(pair: Pair) {
    let (mut cases, mut failures) = (0, Vec::new());
    for auth in Auth::ALL {
        for branch in Branch::ALL {
            let whole = Case { pair, auth, branch, fault: None, cut: Cut::Whole };
            if !whole.makes_sense() {
                continue;
            }
            whole.run().unwrap();
            for dir in Dir::BOTH {
                let bytes = whole.extent(dir);
                for (n, how) in (0..=bytes).flat_map(|at| HOWS.map(|how| (at, how))).enumerate() {
                    if !(n as u64 + cases).is_multiple_of(STRIDE) {
                        continue;
                    }
                    cases += 1;
                    let case = Case { fault: Some((dir, how.0, how.1)), ..whole };
                    if let Err(what) = check(&case, cases) {
                        failures.push(what);
                    }
                }
            }
        }
    }
    println!("{pair:?}: {cases} cases, {} failures", failures.len());
    assert!(
        failures.is_empty(),
        "{} of {cases} cases:\n{}",
        failures.len(),
        failures[..failures.len().min(3)].join("\n")
    );
}

/// Runs a case; some of them twice, to see that the same happens again.
fn check(case: &Case, n: u64) -> Result<(), String> {
    let case = Case { cut: if n.is_multiple_of(3) { Cut::Random } else { Cut::Whole }, ..*case };
    let world = case.run()?;
    if n.is_multiple_of(97) && case.run()?.digest() != world.digest() {
        return Err(format!("{case:?}: not the same when done again"));
    }
    Ok(())
}

#[test]
fn stateless_server_lossy_client() {
    sweep(Pair::StatelessServerLossyClient);
}

#[test]
fn stateful_server_lossless_client() {
    sweep(Pair::StatefulServerLosslessClient);
}

#[test]
fn stateful_server_lossless_peer() {
    sweep(Pair::StatefulServerLosslessPeer);
}

#[test]
fn lossless_peers() {
    sweep(Pair::LosslessPeers);
}

#[test]
fn lossless_peers_reuse() {
    sweep(Pair::LosslessPeersReuse);
}

#[test]
fn defaults() {
    sweep(Pair::Defaults);
}
