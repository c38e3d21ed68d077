//! The keys with which a service's tickets are sealed.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wall::{since_1970, utime};
use crate::auth::{AuthError, Key, Moment};
use crate::codec::Map;
use crate::wire::auth::CryptoKey;
use crate::wire::cephx::{ExpiringCryptoKey, RotatingSecrets};

/// How many keys are kept: the last one, the present one and the next.
const KEPT: usize = 3;

/// The keys of one service by their numbers (`RotatingSecrets` in `src/auth/Auth.h`).
#[derive(Clone, Debug, Default)]
pub struct ServiceSecrets {
    secrets: BTreeMap<u64, Secret>,
    max_ver: u64,
}

#[derive(Clone, Debug)]
struct Secret {
    key: Key,
    /// Since 1970.
    expiration: Duration,
}

impl ServiceSecrets {
    /// The key with a number.
    pub fn get(&self, secret_id: u64) -> Option<&Key> {
        self.secrets.get(&secret_id).map(|secret| &secret.key)
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether there are not enough keys, or the present one has expired.
    pub(super) fn are_due(&self, now: Duration) -> bool {
        self.expiration().is_none_or(|expiration| expiration <= now)
    }

    /// When the present key, the second oldest, expires. `None` as long as there are not enough keys.
    pub(super) fn expiration(&self) -> Option<Duration> {
        let present = self.secrets.values().nth(1)?;
        (self.secrets.len() >= KEPT).then_some(present.expiration)
    }

    /// The key for new tickets and its number: the second oldest, or the one after it if that has expired.
    pub(super) fn for_sealing(&self, now: Duration) -> Option<(u64, &Key)> {
        let good = self.secrets.iter().skip(1).find(|(_, secret)| secret.expiration >= now);
        let (id, secret) = good.or(self.secrets.last_key_value())?;
        Some((*id, &secret.key))
    }

    /// Makes new keys if it is time to: from random numbers and a secret of the monitors. The last ones are forgotten
    /// (`KeyServer::_rotate_secret` in `src/auth/cephx/CephxKeyServer.cc`).
    pub(super) fn rotate(&mut self, ttl: Duration, source: &Key, moment: &mut Moment<'_>) {
        let now = since_1970(moment.wall);
        for _ in 0..KEPT {
            if !self.are_due(now) {
                break;
            }
            let begin = match self.secrets.last_key_value() {
                Some((_, last)) => last.expiration.max(now.saturating_add(ttl)),
                None => now,
            };
            let key = source.derive(moment.random, moment.wall);
            self.max_ver = self.max_ver.saturating_add(1);
            self.secrets.insert(self.max_ver, Secret { key, expiration: begin.saturating_add(ttl) });
            while self.secrets.len() > KEPT {
                self.secrets.pop_first();
            }
        }
    }
}

impl TryFrom<&RotatingSecrets> for ServiceSecrets {
    type Error = AuthError;

    fn try_from(wire: &RotatingSecrets) -> Result<ServiceSecrets, AuthError> {
        let secrets = wire.secrets.iter().map(|(id, secret)| {
            let key = Key::try_from(&secret.key)?;
            Ok((*id, Secret { key, expiration: since_1970(secret.expiration) }))
        });
        Ok(ServiceSecrets { secrets: secrets.collect::<Result<_, AuthError>>()?, max_ver: wire.max_ver })
    }
}

impl From<&ServiceSecrets> for RotatingSecrets {
    fn from(secrets: &ServiceSecrets) -> RotatingSecrets {
        let mut wire = Map::default();
        for (id, secret) in &secrets.secrets {
            let key = CryptoKey::from(&secret.key);
            let expiration = utime(secret.expiration);
            wire.insert(*id, ExpiringCryptoKey { key, expiration, ..ExpiringCryptoKey::default() });
        }
        RotatingSecrets { secrets: wire, max_ver: secrets.max_ver, ..RotatingSecrets::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::crypto::tests::key;
    use crate::random::Random;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: Duration = Duration::from_secs(1 << 30);

    fn rotate(secrets: &mut ServiceSecrets, now: Duration) {
        let seed = now.as_secs();
        secrets.rotate(HOUR, &key(), &mut Moment { wall: utime(now), random: &mut Random::new(seed) });
    }

    fn terms(secrets: &ServiceSecrets, now: Duration) -> Vec<(u64, i64)> {
        let hours = |secret: &Secret| (secret.expiration.as_secs() as i64 - now.as_secs() as i64) / 3600;
        secrets.secrets.iter().map(|(id, secret)| (*id, hours(secret))).collect()
    }

    #[test]
    fn three_are_kept_and_the_second_oldest_is_the_present_one() {
        let mut secrets = ServiceSecrets::default();
        assert_eq!((secrets.are_due(NOW), secrets.for_sealing(NOW).is_none()), (true, true));
        rotate(&mut secrets, NOW);
        assert_eq!(terms(&secrets, NOW), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(secrets.for_sealing(NOW), Some((2, secrets.get(2).unwrap())));
        let (before, now) = (NOW + 2 * HOUR - Duration::from_secs(1), NOW + 2 * HOUR);
        rotate(&mut secrets, before);
        assert_eq!(terms(&secrets, NOW), [(1, 1), (2, 2), (3, 3)]);
        rotate(&mut secrets, now);
        assert_eq!(terms(&secrets, NOW), [(2, 2), (3, 3), (4, 4)]);
        rotate(&mut secrets, NOW + 100 * HOUR);
        assert_eq!(terms(&secrets, NOW), [(4, 4), (5, 102), (6, 103)]);
    }

    #[test]
    fn the_next_one_is_taken_when_the_present_one_has_expired() {
        let mut secrets = ServiceSecrets::default();
        rotate(&mut secrets, NOW);
        let sealing = |hours: u32| secrets.for_sealing(NOW + hours * HOUR + Duration::from_secs(1)).unwrap().0;
        assert_eq!([0, 1, 2, 3].map(sealing), [2, 2, 3, 3]);
    }

    #[test]
    fn secrets_do_not_repeat_themselves() {
        let mut secrets = ServiceSecrets::default();
        rotate(&mut secrets, NOW);
        let keys = [1, 2, 3].map(|id| secrets.get(id).unwrap());
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let mut secrets = ServiceSecrets::default();
        rotate(&mut secrets, NOW);
        let wire = RotatingSecrets::from(&secrets);
        assert_eq!((wire.max_ver, wire.secrets.len()), (3, 3));
        let read = ServiceSecrets::try_from(&wire).unwrap();
        assert_eq!(terms(&read, NOW), terms(&secrets, NOW));
        assert!((1..=3).all(|id| read.get(id) == secrets.get(id)));
        assert_eq!(RotatingSecrets::from(&read), wire);
    }

    #[test]
    fn with_no_lifetime_there_are_still_only_three() {
        let mut secrets = ServiceSecrets::default();
        secrets.rotate(Duration::ZERO, &key(), &mut Moment { wall: utime(NOW), random: &mut Random::new(1) });
        assert_eq!(terms(&secrets, NOW), [(1, 0), (2, 0), (3, 0)]);
    }
}
