//! Things with names that are never given out again.

/// A name: where the thing lies, and which one in that place it is.
pub(super) trait Key: Copy {
    fn new(raw: u64) -> Self;
    fn raw(self) -> u64;
}

/// Things by name.
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
    len: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { slots: Vec::new(), free: Vec::new(), len: 0 }
    }
}

impl<T> Slots<T> {
    /// Keeps a thing and names it.
    pub(super) fn insert<K: Key>(&mut self, value: T) -> K {
        self.len += 1;
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let mut generation = 0;
        if let Some(slot) = self.slots.get_mut(index as usize) {
            slot.0 = slot.0.wrapping_add(1).max(1);
            slot.1 = Some(value);
            generation = slot.0;
        }
        K::new(u64::from(generation) << 32 | u64::from(index))
    }

    pub(super) fn get<K: Key>(&self, key: K) -> Option<&T> {
        let (generation, value) = self.slots.get(key.raw() as u32 as usize)?;
        (u64::from(*generation) == key.raw() >> 32).then_some(value.as_ref()).flatten()
    }

    pub(super) fn get_mut<K: Key>(&mut self, key: K) -> Option<&mut T> {
        let (generation, value) = self.slots.get_mut(key.raw() as u32 as usize)?;
        (u64::from(*generation) == key.raw() >> 32).then_some(value.as_mut()).flatten()
    }

    pub(super) fn remove<K: Key>(&mut self, key: K) -> Option<T> {
        let index = key.raw() as u32;
        let (generation, value) = self.slots.get_mut(index as usize)?;
        if u64::from(*generation) != key.raw() >> 32 {
            return None;
        }
        let value = value.take()?;
        self.len -= 1;
        // A place whose names are used up is not used again.
        if *generation < u32::MAX {
            self.free.push(index);
        }
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn keys<K: Key>(&self) -> impl Iterator<Item = K> {
        (0..).zip(&self.slots).filter(|(_, (_, value))| value.is_some()).map(|(index, (generation, _))| {
            let index: u32 = index;
            K::new(u64::from(*generation) << 32 | u64::from(index))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::SessionId;
    use super::*;

    #[test]
    fn a_name_is_not_given_out_again() {
        let mut slots = Slots::default();
        let a: SessionId = slots.insert('a');
        let b: SessionId = slots.insert('b');
        assert_eq!((slots.get(a), slots.get(b)), (Some(&'a'), Some(&'b')));
        assert_eq!((slots.remove(a), slots.remove(a), slots.len()), (Some('a'), None, 1));
        let c: SessionId = slots.insert('c');
        assert_ne!(a, c);
        assert_eq!(slots.get(a), None);
        assert_eq!(slots.get_mut(c), Some(&mut 'c'));
        assert_eq!(slots.keys().collect::<Vec<SessionId>>(), [c, b]);
        assert_ne!(c, SessionId::LOOPBACK);
        assert_eq!(slots.get(SessionId::LOOPBACK), None);
    }
}
