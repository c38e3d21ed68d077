//! Answers in a real capture, each replaced by another one. Without the capture, which lies beside the checkout, the test
//! says so and passes.

use std::path::Path;

use firefly_runtime::wire::transport::{Connect, ConnectReply, Tag};

use super::contact::{Contacts, Pair};
use super::{odd, odd_between};
use crate::capture::read;
use crate::replay::call::Call;
use crate::replay::follow::{Observed, follow};
use crate::report::Counts;

/// The same answer with another tag, and the number that goes with it.
fn instead(connect: &Connect, reply: &ConnectReply, tag: Tag) -> ConnectReply {
    let (connect_seq, global_seq) = match tag {
        Tag::READY | Tag::SEQ => (connect.connect_seq + 1, reply.global_seq),
        Tag::RETRY_SESSION => (connect.connect_seq + 1, 0),
        Tag::RETRY_GLOBAL => (0, connect.global_seq + 1),
        _ => (0, 0),
    };
    ConnectReply { tag, connect_seq, global_seq, ..reply.clone() }
}

#[test]
fn other_answers_than_those_given_are_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/captures/firefly/faults-cephx.pcap.gz");
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return;
    }
    let capture = read(&path).expect("a capture");
    let mut counts = Counts::default();
    let mut observed: Vec<_> =
        capture.connections.iter().map(|connection| follow(connection, &mut counts, false)).collect();
    assert_eq!(odd(&observed), []);
    let rounds = observed.iter().enumerate().flat_map(|(at, observed)| {
        let rounds = observed.evidence.rounds.len();
        (0..rounds).map(move |n| (at, n))
    });
    let rounds: Vec<(usize, usize)> = rounds.collect();
    let (mut all, mut found) = (0, 0);
    // Of the sessions before the capture nothing is known: later it is better known what they are.
    for (at, n) in rounds.into_iter().skip(50).step_by(7) {
        let Observed { call, evidence, .. } = &observed[at];
        let Call { server: Some(server), client: Some(client), .. } = call else { continue };
        let pair = Pair { server: server.clone(), client: client.clone() };
        let round = evidence.rounds[n].clone();
        let Some((spot, reply)) = round.answer.clone() else { continue };
        for tag in [Tag::READY, Tag::SEQ, Tag::WAIT, Tag::RETRY_SESSION, Tag::RETRY_GLOBAL, Tag::RESETSESSION] {
            if tag == reply.tag {
                continue;
            }
            observed[at].evidence.rounds[n].answer = Some((spot, instead(&round.connect, &reply, tag)));
            let odd = odd_between(&pair, &Contacts::of(&observed));
            all += 1;
            found += u32::from(!odd.is_empty());
        }
        observed[at].evidence.rounds[n] = round;
    }
    // Much can be explained by what cannot be seen: that a session was forgotten, or that the server was about to call.
    assert!(all > 400 && found * 3 > all * 2, "{found} of {all}");
}
