//! Who sent what over which handle, and what became of it: the promises of sessions, checked from outside.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use bytes::Bytes;
use firefly_runtime::messenger::{Connection, Dropped, SendError};
use firefly_runtime::random::Random;
use firefly_runtime::session::SessionId;

/// One life of a messenger: which messenger, and which life.
pub(crate) type Life = (usize, u32);

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From who opened the handle.
    Ask,
    /// Back to him.
    Answer,
}

/// What a transaction id says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) handle: usize,
    pub(crate) kind: Kind,
    pub(crate) urgent: bool,
    index: u32,
}

impl Tag {
    fn tid(self) -> u64 {
        let bits = u64::from(self.kind == Kind::Answer) << 31 | u64::from(self.urgent) << 30;
        (self.handle as u64) << 32 | bits | u64::from(self.index)
    }

    pub(crate) fn of(tid: u64) -> Tag {
        let kind = if tid & 1 << 31 == 0 { Kind::Ask } else { Kind::Answer };
        Tag { handle: (tid >> 32) as usize, kind, urgent: tid & 1 << 30 != 0, index: tid as u32 & ((1 << 30) - 1) }
    }
}

/// What a message carries: 0 to 64 KiB that follow from its id, most often little.
pub(crate) fn content(tid: u64) -> Bytes {
    static NOISE: std::sync::LazyLock<Bytes> = std::sync::LazyLock::new(|| {
        let mut random = Random::new(1);
        (0..128 << 10).map(|_| random.next_u64() as u8).collect()
    });
    let mut random = Random::new(tid);
    let len = match (random.below(4), Tag::of(tid).kind) {
        (0, Kind::Ask) => random.below((64 << 10) + 1),
        _ => random.below(1000),
    };
    let start = random.below(64 << 10) as usize;
    NOISE.slice(start..start + len as usize)
}

/// Messages of one kind and urgency over one handle, which keep their order.
#[derive(Debug, Default)]
struct Track {
    sent: u32,
    /// The one after the last that arrived.
    next: u32,
    /// How many before that did not arrive.
    skipped: u32,
}

/// What was asked over a handle, and answered: plain and urgent.
#[derive(Debug)]
struct Handle {
    ends: [usize; 2],
    lossy: bool,
    /// The application gave it up without being told what was lost.
    left: bool,
    /// Its session was ended, which was told.
    over: bool,
    /// What had been told of its ends before it was opened.
    told_before: u64,
    tracks: [[Track; 2]; 2],
}

impl Handle {
    fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().flatten()
    }

    fn is_complete(&self) -> bool {
        self.tracks().all(|track| track.next == track.sent && track.skipped == 0)
    }
}

#[derive(Debug, Default)]
struct State {
    handles: Vec<Handle>,
    sessions: HashMap<(Life, SessionId), usize>,
    /// Messages that a pair of messengers was told to be lost.
    told: BTreeMap<[usize; 2], u64>,
    /// Messages that shutdowns of a messenger reported as lost.
    reported: BTreeMap<usize, u64>,
    delivered: u64,
    resets: u64,
    broken: Vec<String>,
}

/// What all messengers of a run write down.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    state: Mutex<State>,
}

fn pair([a, b]: [usize; 2]) -> [usize; 2] {
    [a.min(b), a.max(b)]
}

impl Ledger {
    /// Opens a handle from one to another, and numbers it.
    pub(crate) fn open(
        &self,
        from: Life,
        to: usize,
        lossy: bool,
        connect: impl FnOnce() -> Connection,
    ) -> (usize, Connection) {
        let mut state = self.state.lock().unwrap();
        // Before anything can be told of it.
        let connection = connect();
        let handle = state.handles.len();
        state.sessions.insert((from, connection.session()), handle);
        let ends = [from.0, to];
        let told_before = state.told_of(ends);
        state.handles.push(Handle { ends, lossy, left: false, over: false, told_before, tracks: Default::default() });
        (handle, connection)
    }

    /// Sends the next message over a handle; counts it if it is taken.
    pub(crate) fn send<E>(
        &self,
        handle: usize,
        kind: Kind,
        urgent: bool,
        send: impl FnOnce(u64, Bytes) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.state.lock().unwrap();
        let track = &mut state.handles[handle].tracks[kind as usize][usize::from(urgent)];
        let tid = Tag { handle, kind, urgent, index: track.sent }.tid();
        send(tid, content(tid))?;
        track.sent += 1;
        Ok(())
    }

    /// A message arrived.
    pub(crate) fn received(&self, at: Life, tid: u64, data: &[u8]) {
        let tag = Tag::of(tid);
        let mut state = self.state.lock().unwrap();
        let Some(handle) = state.handles.get_mut(tag.handle) else { return state.broken.push(format!("{tag:?}")) };
        let to = handle.ends[usize::from(tag.kind == Kind::Ask)];
        let track = &mut handle.tracks[tag.kind as usize][usize::from(tag.urgent)];
        let mut wrong = Vec::new();
        if to != at.0 || content(tid) != data || tag.index >= track.sent {
            wrong.push(format!("{tag:?} at {at:?} with {} bytes is not what was sent", data.len()));
        }
        if tag.index < track.next {
            wrong.push(format!("{tag:?} at {at:?} after {}", track.next - 1));
        }
        track.skipped += tag.index.saturating_sub(track.next);
        track.next = tag.index + 1;
        state.delivered += 1;
        state.broken.extend(wrong);
    }

    /// A messenger was told that messages to or from a peer are lost.
    pub(crate) fn lost(&self, at: Life, peer: usize, session: SessionId, dropped: &Dropped, is_over: bool) {
        let mut state = self.state.lock().unwrap();
        state.resets += 1;
        *state.told.entry(pair([at.0, peer])).or_default() += all(dropped);
        if let Some(handle) = state.sessions.get(&(at, session)).copied().filter(|_| is_over) {
            state.handles[handle].over = true;
        }
    }

    /// A shutdown told what was left.
    pub(crate) fn reported(&self, at: usize, dropped: &Dropped) {
        *self.state.lock().unwrap().reported.entry(at).or_default() += all(dropped);
    }

    /// The application gives a handle up without being told.
    pub(crate) fn leave(&self, handle: usize) {
        self.state.lock().unwrap().handles[handle].left = true;
    }

    pub(crate) fn delivered(&self) -> u64 {
        self.state.lock().unwrap().delivered
    }

    /// Over which of these handles something is still to arrive that nobody was told to be lost.
    pub(crate) fn incomplete(&self, handles: impl Iterator<Item = usize>) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let open = handles.filter(|handle| {
            let handle = &state.handles[*handle];
            let excused = if handle.lossy { handle.over } else { state.told_of(handle.ends) > handle.told_before };
            !excused && !handle.left && !handle.is_complete()
        });
        open.map(|handle| format!("{handle}: {:?}", state.handles[handle])).collect()
    }

    /// Judges all that happened, once all is over. How many handles lost nothing, and how many there were.
    pub(crate) fn judge(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap();
        assert!(state.broken.is_empty(), "{:#?}", state.broken);
        let mut missing: BTreeMap<[usize; 2], u64> = BTreeMap::new();
        for handle in &state.handles {
            if handle.lossy {
                // A beginning of each, and if it is not all, that was told.
                assert!(handle.tracks().all(|track| track.skipped == 0), "{handle:?}");
                let may_end_early = handle.left || handle.over || state.reports(handle.ends) > 0;
                assert!(may_end_early || handle.is_complete(), "{handle:?}");
                continue;
            }
            let lost = |track: &Track| {
                let rest = if handle.left { 0 } else { track.sent - track.next };
                u64::from(track.skipped + rest)
            };
            let lost = handle.tracks().map(lost).sum::<u64>();
            let told = state.told_of(handle.ends) - handle.told_before;
            assert!(lost <= told, "{lost} are missing, {told} told since the beginning of {handle:#?}");
            *missing.entry(pair(handle.ends)).or_default() += lost;
        }
        for (ends, missing) in missing {
            let told = state.told_of(ends);
            assert!(missing <= told, "{missing} are missing between {ends:?}, {told} told");
        }
        let whole = state.handles.iter().filter(|handle| handle.is_complete()).count();
        (whole, state.handles.len())
    }
}

impl State {
    fn reports(&self, ends: [usize; 2]) -> u64 {
        ends.iter().filter_map(|end| self.reported.get(end)).sum()
    }

    /// How many messages of two were told to be lost, or may be among those that a shutdown told.
    fn told_of(&self, ends: [usize; 2]) -> u64 {
        self.told.get(&pair(ends)).copied().unwrap_or_default() + self.reports(ends)
    }
}

fn all(dropped: &Dropped) -> u64 {
    dropped.unsent + dropped.unacknowledged + dropped.undispatched
}

/// Whether a message was not taken because the session is over.
pub(crate) fn is_over(sent: &Result<(), SendError>) -> bool {
    match sent {
        Ok(()) => false,
        Err(SendError::Dropped) => true,
        Err(other) => panic!("{other}"),
    }
}
