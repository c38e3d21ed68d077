//! Every construct of the language, generated, compiled and held to the laws.
//!
//! The specs are those that the language's own tests read; the tests of the laws come from the generator.

// Types written by hand have the functions that generated ones have, used or not.
#![allow(dead_code, unreachable_pub)]

#[path = "../../spec/tests/accept/berths.wire"]
mod berths;
#[path = "../../spec/tests/accept/extensions.wire"]
mod extensions;
#[path = "../../spec/tests/accept/kitchen_sink.wire"]
mod kitchen_sink;

/// Conversions between a type on the wire and another one in Rust.
mod conversions {
    use super::extensions::{Course, Hail, OldCourse, OldHail, OldTower, PlanCrew, Tower};
    use firefly_runtime::codec::{
        Bytes, Context, EncodeError, EncodeErrorKind, Parts, Str, Target, from_bytes, to_bytes,
    };

    impl From<OldCourse> for Course {
        fn from(old: OldCourse) -> Self {
            Course { degrees: u16::from(old.points), legs: 0, calm: old.calm }
        }
    }

    impl TryFrom<&Course> for OldCourse {
        type Error = std::num::TryFromIntError;

        fn try_from(course: &Course) -> Result<Self, Self::Error> {
            let points = u8::try_from(u32::from(course.degrees) + 0x100 * u32::from(course.legs))?;
            Ok(OldCourse { points, calm: course.calm })
        }
    }

    impl From<OldTower> for Tower {
        fn from(old: OldTower) -> Self {
            let name = char::from(b'A' + old.number % 26).to_string();
            Tower { name: name.into(), height: old.height, ..Tower::default() }
        }
    }

    impl TryFrom<&Tower> for OldTower {
        type Error = EncodeError;

        fn try_from(tower: &Tower) -> Result<Self, EncodeError> {
            match tower.name.as_bytes() {
                [name @ b'A'..=b'Z'] => {
                    Ok(OldTower { number: name - b'A', height: tower.height, ..OldTower::default() })
                }
                _ => Err(EncodeError::unsayable("name")),
            }
        }
    }

    impl From<OldHail> for Hail {
        fn from(old: OldHail) -> Self {
            let tower = OldTower { number: old.number, ..OldTower::default() };
            Hail { tower: tower.into(), words: old.words.into(), ..Hail::default() }
        }
    }

    impl TryFrom<&Hail> for OldHail {
        type Error = EncodeError;

        fn try_from(hail: &Hail) -> Result<Self, EncodeError> {
            let tower = OldTower::try_from(&hail.tower).map_err(|e| e.field("tower"))?;
            let words = Bytes::copy_from_slice(hail.words.as_bytes());
            Ok(OldHail { number: tower.number, words, ..OldHail::default() })
        }
    }

    #[test]
    fn an_older_type_is_written_to_those_who_know_no_other() {
        let tower = Tower { name: "C".into(), height: 7, ..Tower::default() };
        let old: &[u8] = &[1, 2, 0, 7, 0];
        assert_eq!(to_bytes(&tower, Target::fresh(0)).unwrap(), old);
        assert_eq!(to_bytes(&tower, Target::fresh(8)).unwrap(), [3, 1, b'C', 0, 7][..]);
        assert_eq!(from_bytes::<Tower>(old.to_vec().into(), &Context::new(0)).unwrap(), tower);
        let nameless = Tower { name: "Babel".into(), ..Tower::default() };
        let hail = Hail { tower: nameless.clone(), towers: vec![tower], ..Hail::default() };
        let refused = hail.encode(Target::fresh(0)).unwrap_err();
        assert_eq!((refused.path().as_str(), refused.kind()), ("tower.name", &EncodeErrorKind::Unsayable));
        let refused = to_bytes(&nameless, Target::fresh(0)).unwrap_err();
        assert_eq!(refused.kind(), &EncodeErrorKind::Unsayable);
    }

    #[test]
    fn an_older_type_is_remembered_while_the_value_says_the_same() {
        for features in [0, 8] {
            for bytes in [&[1, 28, 0, 7, 9][..], &[0, 28, 9], &[3, 1, b'C', 0, 7], &[2, 1, b'C']] {
                let tower: Tower = from_bytes(bytes.to_vec().into(), &Context::new(features)).unwrap();
                assert_eq!(tower.name, Str::from("C"));
                assert_eq!(to_bytes(&tower, Target::exact(features)).unwrap(), bytes);
                let renamed = Tower { name: "D".into(), ..tower };
                let changed = to_bytes(&renamed, Target::exact(features)).unwrap();
                let again: Tower = from_bytes(changed.clone(), &Context::new(features)).unwrap();
                assert_eq!((again, changed[0] < 2), (renamed, bytes[0] < 2));
            }
        }
    }

    #[test]
    fn an_older_layout_of_a_message_is_written_to_those_who_know_no_other() {
        let tower = Tower { name: "C".into(), ..Tower::default() };
        let hail = Hail { tower, words: "ahoy".into(), ..Hail::default() };
        let parts = hail.encode(Target::fresh(0)).unwrap();
        assert_eq!((parts.version, parts.compat), (1, 2));
        assert_eq!((&parts.front[..], &parts.data[..]), (&[2][..], &b"ahoy"[..]));
        assert_eq!(Hail::decode(parts.sections(), &Context::new(0)).unwrap(), hail);
        assert_eq!(hail.encode(Target::fresh(8)).unwrap().version, 3);
        let parts = Parts { compat: 1, front: Bytes::from_static(&[28, 5, 6]), ..Parts::default() };
        let odd = Hail::decode(parts.sections(), &Context::new(8)).unwrap();
        assert_eq!(odd.encode(Target::exact(8)).unwrap(), parts);
        assert_eq!(odd.encode(Target::fresh(8)).unwrap().version, 3);
    }

    impl From<PlanCrew> for u16 {
        fn from(crew: PlanCrew) -> Self {
            u16::from_be_bytes([crew.hands, crew.mates])
        }
    }

    impl From<u16> for PlanCrew {
        fn from(crew: u16) -> Self {
            let [hands, mates] = crew.to_be_bytes();
            PlanCrew { hands, mates }
        }
    }

    #[test]
    fn what_is_converted_reads_as_the_newer_type_and_is_written_as_the_older_one() {
        use super::extensions::{Plan, PlanDue};
        let bytes = [1, 7, 1, 1, 0, 5, 3, 0, 1, 1, 9, 0, 0, 0, 0, 1, 2, 0];
        let plan: Plan = from_bytes(bytes.to_vec().into(), &Context::new(0)).unwrap();
        let course = |degrees, calm| Course { degrees, legs: 0, calm };
        assert_eq!(plan.course, course(7, true));
        assert_eq!(plan.courses.as_slice(), [(5, course(3, false))]);
        assert_eq!(plan.ways, [Some(course(9, false))]);
        assert_eq!((plan.hours, plan.crew), (1, 0));
        assert_eq!(plan.due, PlanDue::Course(course(2, false)));
        assert_eq!(to_bytes(&plan, Target::exact(0)).unwrap(), bytes[..]);

        let many = Plan { ways: vec![None, Some(Course { legs: 1, ..Course::default() })], ..plan.clone() };
        let refused = to_bytes(&many, Target::exact(0)).unwrap_err();
        assert_eq!((refused.path().as_str(), refused.kind()), ("ways[1]", &EncodeErrorKind::Unsayable));
        let refused = to_bytes(&Plan { hours: -1, ..plan }, Target::exact(0)).unwrap_err();
        assert_eq!((refused.path().as_str(), refused.kind()), ("hours", &EncodeErrorKind::Unsayable));
    }
}

/// Arms that some readers do not know.
mod dropped {
    use super::extensions::{Contact, ContactWay};
    use firefly_runtime::codec::{Context, Slack, Target, from_bytes, to_bytes};

    #[test]
    fn leave_zeros() {
        let way = ContactWay::Channel { number: 16, slack: Slack::default() };
        let contact = Contact { kind: 1, way };
        assert_eq!(to_bytes(&contact, Target::fresh(8)).unwrap(), [1, 0, 16, 0][..]);
        let old = to_bytes(&contact, Target::fresh(0)).unwrap();
        assert_eq!(old, [1, 0, 0, 0][..]);
        let way = ContactWay::Lamp { number: 0, slack: Slack::default() };
        assert_eq!(from_bytes::<Contact>(old, &Context::new(0)).unwrap(), Contact { kind: 1, way });
    }
}

/// Frames whose content may be something else.
mod contents {
    use super::extensions::{Caller, Cargo, CargoLast, Course, Lot};
    use firefly_runtime::codec::{Bytes, Content, Context, EncodeErrorKind, Target, from_bytes, to_bytes};

    const COURSE: Course = Course { degrees: 7, legs: 2, calm: true };

    fn cargo(r#for: Caller, papers: Content<Course>, last: Content<CargoLast>) -> Cargo {
        Cargo {
            lots: vec![Lot { r#for, weight: 9, course: COURSE, ..Lot::default() }],
            papers,
            last,
            ..Cargo::default()
        }
    }

    /// That the value has these bytes, and that they are read as it.
    #[track_caller]
    fn lies_as(cargo: &Cargo, bytes: &[u8]) {
        assert_eq!(to_bytes(cargo, Target::fresh(0)).unwrap(), bytes);
        assert_eq!(from_bytes::<Cargo>(Bytes::copy_from_slice(bytes), &Context::new(0)).unwrap(), *cargo);
    }

    #[test]
    fn are_values_if_they_are_exactly_one() {
        let course = Content::new(CargoLast::Course(COURSE));
        lies_as(
            &cargo(Caller::SHIP, COURSE.into(), course),
            &[1, 1, 0, 9, 0, 7, 2, 1, 0, 4, 0, 7, 2, 1, 0, 0, 7, 2, 1],
        );
        let legs = Content::new(CargoLast::Legs { legs: Bytes::from_static(&[5, 6]) });
        let empty = Content::default();
        lies_as(&cargo(Caller::CRANE, empty, legs), &[1, 0x40, 0, 9, 0, 7, 2, 1, 0, 0, 0, 5, 6]);
        let none = Content::new(CargoLast::None { number: 3 });
        lies_as(&Cargo { last: none, ..Cargo::default() }, &[0, 0, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn are_otherwise_bytes() {
        let raw = |bytes: &'static [u8]| Bytes::from_static(bytes).into();
        let seals = vec![Content::new(vec![Caller::SHIP]), Content::default()];
        let odd = cargo(Caller::SHIP, raw(&[0, 7, 2, 1, 0]), Bytes::from_static(&[0, 7, 2, 2]).into());
        let odd = Cargo { seals, ..odd };
        lies_as(&odd, &[1, 1, 0, 9, 0, 7, 2, 1, 0, 5, 0, 7, 2, 1, 0, 2, 1, 1, 0, 0, 7, 2, 2]);
        let unknown = cargo(Caller(9), raw(&[1]), Bytes::from_static(&[1, 2, 3]).into());
        lies_as(&unknown, &[1, 9, 0, 9, 0, 7, 2, 1, 0, 1, 1, 0, 1, 2, 3]);
    }

    #[test]
    fn paths_lead_through_the_first_of_the_first() {
        let marks = vec![Course { degrees: 9, ..Course::default() }, COURSE];
        let cargo = Cargo { lots: vec![Lot { marks, ..Lot::default() }], heavy: 5, ..Cargo::default() };
        lies_as(&cargo, &[1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 9, 0, 0, 0, 7, 2, 1, 0, 5, 0]);
    }

    #[test]
    fn must_be_what_the_rest_says_they_are() {
        let refused = |cargo: &Cargo| {
            let e = to_bytes(cargo, Target::fresh(0)).unwrap_err();
            (e.path(), e.kind().clone())
        };
        let course = Content::new(CargoLast::Course(COURSE));
        let other = cargo(Caller::CRANE, Content::default(), course);
        assert_eq!(refused(&other), ("last".to_owned(), EncodeErrorKind::ArmMismatch { tag: 0x40 }));
        let legs = Content::new(CargoLast::Legs { legs: Bytes::from_static(&[5]) });
        let short = cargo(Caller::CRANE, Content::default(), legs);
        let mismatch = EncodeErrorKind::LengthMismatch { expected: 2, found: 1 };
        assert_eq!(refused(&short), ("last.legs".to_owned(), mismatch));
        let nothing = Cargo { seals: vec![Content::new(Vec::new())], ..Cargo::default() };
        let no_bytes = EncodeErrorKind::WrongSize { expected: 1, found: 0 };
        assert_eq!(refused(&nothing), ("seals[0]".to_owned(), no_bytes));
    }
}

/// A type written by hand, of fixed size.
mod units {
    use firefly_runtime::codec::{DecodeError, EncodeError, Reader, Target, Writer, arbitrary, serde};

    /// Tenths of knots.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(crate = "firefly_runtime::codec::serde")]
    pub struct Knots(u32);

    impl Knots {
        pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
            Ok(Knots(u32::from_be_bytes(r.array()?)))
        }

        pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
            w.put(&self.0.to_be_bytes());
            Ok(())
        }

        pub fn size(&self, _: Target) -> usize {
            4
        }
    }

    impl<'a> arbitrary::Arbitrary<'a> for Knots {
        fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
            Ok(Knots(u.arbitrary()?))
        }
    }
}

/// A type written by hand, of varying size.
mod names {
    use firefly_runtime::codec::{DecodeError, EncodeError, Reader, Str, Target, Writer, arbitrary, narrow, serde};

    /// A short string.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(crate = "firefly_runtime::codec::serde")]
    pub struct Callsign(Str);

    impl Callsign {
        pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
            let n = r.byte()?;
            let n = r.length(u64::from(n), u64::MAX)?;
            r.text(n).map(Callsign)
        }

        pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
            w.put(&[narrow(self.0.len(), 255)?]);
            w.put(self.0.as_bytes());
            Ok(())
        }

        pub fn size(&self, _: Target) -> usize {
            1 + self.0.len()
        }
    }

    impl<'a> arbitrary::Arbitrary<'a> for Callsign {
        fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
            Ok(Callsign(u.arbitrary()?))
        }
    }
}
