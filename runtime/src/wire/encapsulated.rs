//! Messages inside others.

use crate::codec::{Context, Parts};
use crate::wire::payload::Payload;
use crate::wire::transport::{CEPH_CRC, EncapsulatedMessage, FooterFlags};

/// What the message says; nothing if it is damaged, unknown or cannot be read: then the one around it stands without it.
/// Its checksums count even where others are ignored (MT-09, MT-01).
pub fn payload(message: &EncapsulatedMessage, ctx: &Context) -> Option<Payload> {
    let EncapsulatedMessage { header, footer, front, middle, data } = message;
    let sound = CEPH_CRC.of(front) == footer.front_crc
        && CEPH_CRC.of(middle) == footer.middle_crc
        && (footer.flags.contains(FooterFlags::NOCRC) || CEPH_CRC.of(data) == footer.data_crc);
    let parts = Parts {
        version: header.version,
        compat: header.compat_version,
        front: front.clone(),
        middle: middle.clone(),
        data: data.clone(),
    };
    let payload = sound.then(|| Payload::decode(header.r#type.0, parts.sections(), ctx))?.ok()?;
    (!matches!(payload, Payload::Opaque(_))).then_some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Bytes, ChecksumPolicy, Target};
    use crate::wire::features::FEATURES_ALL;
    use crate::wire::message_types::MessageType;
    use crate::wire::mon::MMonGetVersion;
    use crate::wire::mon_cluster::{MForward, MRoute};

    fn inner() -> Payload {
        Payload::from(MMonGetVersion { handle: 5, what: "osdmap".into(), ..Default::default() })
    }

    fn encapsulated() -> EncapsulatedMessage {
        let parts = inner().encode(Target::fresh(FEATURES_ALL)).unwrap();
        let mut message = EncapsulatedMessage { front: parts.front, ..EncapsulatedMessage::default() };
        message.header.r#type = MessageType(19);
        (message.header.version, message.header.compat_version) = (parts.version, parts.compat);
        message.footer.front_crc = CEPH_CRC.of(&message.front);
        message.footer.flags = FooterFlags::COMPLETE;
        message
    }

    /// What arrives when it is relayed in both directions.
    fn relayed(msg: EncapsulatedMessage, checksums: ChecksumPolicy) -> [Option<Payload>; 2] {
        let ctx = Context { checksums, ..Context::new(FEATURES_ALL) };
        let forward = MForward { msg: msg.clone(), con_features: Default::default(), ..MForward::default() };
        let route = MRoute { msg, ..MRoute::default() };
        let forward = Payload::from(forward).encode(Target::fresh(FEATURES_ALL)).unwrap();
        let route = Payload::from(route).encode(Target::fresh(FEATURES_ALL)).unwrap();
        let Ok(Payload::MForward(forward)) = Payload::decode(46, forward.sections(), &ctx) else { panic!("a type") };
        let Ok(Payload::MRoute(route)) = Payload::decode(47, route.sections(), &ctx) else { panic!("a type") };
        [payload(&forward.msg, &ctx), payload(&route.msg, &ctx)]
    }

    // covers: MT-09
    #[test]
    fn a_damaged_message_is_left_out() {
        let damages: [fn(&mut EncapsulatedMessage); 6] = [
            |message| message.footer.front_crc ^= 1,
            |message| message.footer.middle_crc ^= 1,
            |message| message.footer.data_crc ^= 1,
            |message| message.front = Bytes::from_static(&[0; 12]),
            |message| message.middle = Bytes::from_static(b"x"),
            |message| message.data = Bytes::from_static(b"x"),
        ];
        for policy in [ChecksumPolicy::Verify, ChecksumPolicy::Report, ChecksumPolicy::Skip] {
            assert_eq!(relayed(encapsulated(), policy), [Some(inner()), Some(inner())]);
            for damage in damages {
                let mut message = encapsulated();
                damage(&mut message);
                assert_eq!(relayed(message, policy), [None, None]);
            }
        }
        let mut excused = encapsulated();
        excused.footer.flags = FooterFlags::COMPLETE | FooterFlags::NOCRC;
        excused.data = Bytes::from_static(b"x");
        assert!(relayed(excused, ChecksumPolicy::Verify).iter().all(Option::is_some));
    }

    #[test]
    fn an_unknown_message_is_left_out() {
        let mut message = encapsulated();
        message.header.r#type = MessageType(60_000);
        assert_eq!(relayed(message, ChecksumPolicy::Verify), [None, None]);
        let mut newer = encapsulated();
        newer.header.compat_version = 2;
        assert_eq!(relayed(newer, ChecksumPolicy::Verify), [None, None]);
    }
}
