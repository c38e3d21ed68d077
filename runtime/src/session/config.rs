//! How an endpoint behaves.

use std::time::Duration;

use super::{Limits, Message, Policies, Time};
use crate::wire::address::{EntityAddr, EntityName, EntityType};
use crate::wire::prelude::UTime;
use crate::wire::transport::{
    MDS_PROTOCOL, MDSC_PROTOCOL, MON_PROTOCOL, MONC_PROTOCOL, OSD_PROTOCOL, OSDC_PROTOCOL, Priority,
};

/// What an endpoint is told once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Who this is.
    pub name: EntityName,
    /// Its address with its nonce, as far as it is known. See [`Config::learn_addr`].
    pub addr: EntityAddr,
    /// Whether to take over the IP that the first server reports, if it is blank in `addr`.
    pub learn_addr: bool,
    /// How to treat peers.
    pub policies: Policies,
    /// The protocol spoken to peers of the own type: [`MON_PROTOCOL`] and so on, or 0 (3.5 of the reference).
    pub cluster_protocol: u32,
    /// The bounds that policies name: how much of a kind of peers may be in flight.
    pub throttles: Vec<ThrottleLimits>,
    /// How many bytes may have been received and not be dispatched yet. 100 MiB (`ms_dispatch_throttle_bytes`); 0 for
    /// no bound.
    pub dispatch_throttle_bytes: u64,
    /// Deadlines and delays.
    pub timers: Timers,
    /// What a peer may take.
    pub limits: Limits,
    /// Where Firefly and what came after it differ.
    pub conduct: Conduct,
    /// The priority of messages that have none: 196 for monitors, else 127 (FR-06).
    pub default_priority: u16,
    /// Leaves the checksum of data out, and looks at none but that of the header (`ms_nocrc`; CR-09, CR-10).
    pub nocrc: bool,
    /// The time of day at [`Time::ZERO`](super::Time::ZERO), for the stamps of keepalives.
    pub epoch: UTime,
}

impl Config {
    /// Firefly's defaults, with its faults corrected.
    pub fn new(name: EntityName) -> Config {
        let monitor = name.r#type == EntityType::MON;
        Config {
            name,
            addr: EntityAddr::default(),
            learn_addr: true,
            policies: Policies::default(),
            cluster_protocol: match name.r#type {
                EntityType::MON => MON_PROTOCOL,
                EntityType::MDS => MDS_PROTOCOL,
                EntityType::OSD => OSD_PROTOCOL,
                _ => 0,
            },
            throttles: Vec::new(),
            dispatch_throttle_bytes: 100 << 20,
            timers: Timers::default(),
            limits: Limits::default(),
            conduct: Conduct::default(),
            default_priority: if monitor { Priority::HIGH.0 } else { Priority::DEFAULT.0 },
            nocrc: false,
            epoch: UTime::default(),
        }
    }

    /// The priority that a message travels with.
    #[inline]
    pub(super) fn priority_of(&self, message: &Message) -> u16 {
        if message.priority == 0 { self.default_priority } else { message.priority }
    }

    /// The time of day.
    pub(super) fn wall(&self, now: Time) -> UTime {
        let nanos = u64::from(self.epoch.tv_nsec) + now.as_nanos();
        let seconds = u64::from(self.epoch.tv_sec) + nanos / 1_000_000_000;
        UTime { tv_sec: seconds as u32, tv_nsec: (nanos % 1_000_000_000) as u32 }
    }

    /// The protocol version that a client says and a server demands (HS-32, HS-33; `get_proto_version` in
    /// `src/msg/SimpleMessenger.cc`).
    pub fn protocol_version(&self, client: EntityType, server: EntityType) -> u32 {
        if client == server && server == self.name.r#type {
            return self.cluster_protocol;
        }
        match server {
            EntityType::OSD => OSDC_PROTOCOL,
            EntityType::MDS => MDSC_PROTOCOL,
            EntityType::MON => MONC_PROTOCOL,
            _ => 0,
        }
    }
}

/// How much of a kind of peers may be in flight: received, and not dropped by the application yet. 0 for no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleLimits {
    /// Messages.
    pub messages: u64,
    /// Bytes of their sections.
    pub bytes: u64,
}

/// Deadlines and delays. `None` means never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timers {
    /// How long opening a TCP connection may take. 10 s; Firefly waits for the operating system.
    pub connect: Option<Duration>,
    /// How long a handshake may take, from the first byte that could be sent. 30 s; Firefly has no such deadline.
    pub handshake: Option<Duration>,
    /// How long an open connection, or one that is in its handshake, may be silent. 900 s (`ms_tcp_read_timeout`).
    pub idle: Option<Duration>,
    /// How long the rest of a message may be silent, while its share of the throttles keeps others waiting. 30 s; Firefly
    /// makes no difference.
    pub stall: Option<Duration>,
    /// How long to wait for the peer's connection after WAIT. 15 s; Firefly waits for ever (MD-14).
    pub wait: Option<Duration>,
    /// The first pause between attempts to connect. 0.2 s (`ms_initial_backoff`).
    pub initial_backoff: Duration,
    /// The longest one. 15 s (`ms_max_backoff`).
    pub max_backoff: Duration,
    /// Part of each pause that is left to chance, in percent. 0, as Firefly.
    pub backoff_jitter: u8,
    /// How long an acknowledgement may wait for something to travel with. 5 ms; Firefly's kernel keeps it up to 200.
    pub ack: Duration,
}

impl Default for Timers {
    fn default() -> Timers {
        Timers {
            connect: Some(Duration::from_secs(10)),
            handshake: Some(Duration::from_secs(30)),
            idle: Some(Duration::from_secs(900)),
            stall: Some(Duration::from_secs(30)),
            wait: Some(Duration::from_secs(15)),
            initial_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(15),
            backoff_jitter: 0,
            ack: Duration::from_millis(5),
        }
    }
}

impl Timers {
    /// Firefly's own: no deadline but that for silence.
    pub fn firefly() -> Timers {
        Timers { connect: None, handshake: None, stall: None, wait: None, ack: Duration::ZERO, ..Timers::default() }
    }
}

/// Where Firefly's behaviour and that of later releases differ. The default is the corrected one, which Firefly's
/// daemons live with; [`Conduct::firefly`] is Firefly's to the letter, except that it never crashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Conduct {
    /// A record that continues a session nobody remembers is answered with RESETSESSION whatever the policy says, not
    /// only with `resetcheck` (RC-18, RC-19, MD-10).
    pub reset_unknown_sessions: bool,
    /// After RESETSESSION acknowledgements are sent again at once, not only when numbers exceed those of the dead
    /// session (RC-33, MD-42).
    pub ack_after_reset: bool,
    /// A second BADAUTHORIZER is a fault with a pause, not a reason to connect again at once (AU-20, MD-13).
    pub pause_when_refused: bool,
    /// Numbers of messages count with all their 64 bits, not the lower 32 (FR-16, MD-07).
    pub wide_seq: bool,
    /// A peer whose type has several bits is turned away (ER-25).
    pub single_bit_types: bool,
    /// A type of message that is not known breaks the connection (MT-01); otherwise it is delivered as it is.
    pub refuse_unknown_types: bool,
    /// Challenges of later peers are answered (MD-15).
    pub challenges: bool,
    /// On a lossy connection messages are acknowledged too (SQ-06); later releases do not (MD-04).
    pub ack_lossy: bool,
}

impl Default for Conduct {
    fn default() -> Conduct {
        Conduct {
            reset_unknown_sessions: true,
            ack_after_reset: true,
            pause_when_refused: true,
            wide_seq: true,
            single_bit_types: true,
            refuse_unknown_types: true,
            challenges: true,
            ack_lossy: true,
        }
    }
}

impl Conduct {
    /// Firefly's own.
    pub const fn firefly() -> Conduct {
        Conduct {
            reset_unknown_sessions: false,
            ack_after_reset: false,
            pause_when_refused: false,
            wide_seq: false,
            single_bit_types: false,
            refuse_unknown_types: true,
            challenges: false,
            ack_lossy: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: HS-32, HS-33
    #[test]
    fn protocol_versions_depend_on_both_types() {
        let config = |r#type| Config::new(EntityName { r#type, num: 0 });
        let osd = config(EntityType::OSD);
        assert_eq!(osd.protocol_version(EntityType::OSD, EntityType::OSD), 10);
        assert_eq!(osd.protocol_version(EntityType::OSD, EntityType::MON), 15);
        assert_eq!(osd.protocol_version(EntityType::CLIENT, EntityType::OSD), 24);
        let public = Config { cluster_protocol: 0, ..osd };
        assert_eq!(public.protocol_version(EntityType::OSD, EntityType::OSD), 0);
        let mds = config(EntityType::MDS);
        assert_eq!(mds.protocol_version(EntityType::MDS, EntityType::MDS), 23);
        assert_eq!(mds.protocol_version(EntityType::CLIENT, EntityType::MDS), 32);
        let mon = config(EntityType::MON);
        assert_eq!(mon.protocol_version(EntityType::MON, EntityType::MON), 13);
        assert_eq!(mon.protocol_version(EntityType::CLIENT, EntityType::MON), 15);
        let client = config(EntityType::CLIENT);
        assert_eq!(client.protocol_version(EntityType::CLIENT, EntityType::MDS), 32);
        assert_eq!(client.protocol_version(EntityType::CLIENT, EntityType::CLIENT), 0);
    }

    // covers: FR-06
    #[test]
    fn monitors_send_with_a_higher_priority() {
        let priority = |r#type| Config::new(EntityName { r#type, num: 0 }).default_priority;
        assert_eq!((priority(EntityType::MON), priority(EntityType::OSD)), (196, 127));
    }
}
