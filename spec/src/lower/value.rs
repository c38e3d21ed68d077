//! Values: constants and members by name, and whether they fit (W021, W022, W026, W101).

use super::Program;
use super::names::kind;
use super::path::value_type;
use super::scope::Slot;
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::span::Span;
use crate::syntax::{ConstType, FieldKind, Ident, IntType, ItemKind, Member, Order, Type, TypeKind, Value, ValueKind};

/// How many constants may be defined by one another.
const MAX_CONSTANTS: u8 = 16;

/// What kind of value is expected somewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected<'a> {
    /// A number of this many bits.
    Int(IntType),
    /// 0 or 1.
    Bool,
    /// A number of any size.
    Float,
    /// A number that both integers can be, its own and the one written, or a member by name. A closed enum has no
    /// other numbers.
    Members { repr: IntType, wire: IntType, members: &'a [Member], closed: bool, name: &'a str },
    /// Bytes, of this many where it is known.
    Bytes(Option<u64>),
}

impl<'a> Program<'a> {
    /// What values a field has; `None` for structs and the like, and for what is converted.
    pub(crate) fn expected_of(&self, slot: Slot<'a>) -> Option<Expected<'a>> {
        if slot.is_converted() {
            return None;
        }
        match (value_type(slot), &slot.field.forms.first()?.kind) {
            (Some(ty), _) => self.expected(slot.module, ty),
            (None, FieldKind::Count { int, .. } | FieldKind::Len { int, .. }) => Some(Expected::Int(*int)),
            _ => None,
        }
    }

    /// What values a type has; `None` for structs and the like.
    pub(crate) fn expected(&self, module: usize, ty: &'a Type) -> Option<Expected<'a>> {
        match &ty.kind {
            TypeKind::Int(int) => Some(Expected::Int(*int)),
            TypeKind::Bool => Some(Expected::Bool),
            TypeKind::Float(_) => Some(Expected::Float),
            TypeKind::Named(name) => self.members(module, name, None),
            TypeKind::NamedAs(name, wire) => self.members(module, name, Some(*wire)),
            TypeKind::Array(of, length) if matches!(of.kind, TypeKind::Int(IntType { bits: 8, .. })) => {
                Some(Expected::Bytes(self.length(module, length).ok()))
            }
            TypeKind::Bytes(_) | TypeKind::String(_) => Some(Expected::Bytes(None)),
            TypeKind::Into(_, rust) => self.expected(module, rust),
            _ => None,
        }
    }

    /// What values an enum or flag set has that is written as its own integer or another one.
    fn members(&self, module: usize, name: &'a Ident, wire: Option<IntType>) -> Option<Expected<'a>> {
        let (repr, members, closed) = match &self.names.item(self.names.lookup(module, &name.name)?).kind {
            ItemKind::Enum { repr, closed, members } => (*repr, members, *closed),
            ItemKind::Flags { repr, members } => (*repr, members, false),
            ItemKind::Features { repr, members } if wire.is_none() => (*repr, members, false),
            _ => return None,
        };
        Some(Expected::Members { repr, wire: wire.unwrap_or(repr), members, closed, name: &name.name })
    }

    /// A value of the kind expected.
    pub(crate) fn value(&self, module: usize, value: &Value, expected: Expected) -> Result<model::Value, Diagnostic> {
        let found = match (&value.kind, expected) {
            (ValueKind::Name(name), Expected::Members { members, name: of, .. }) => {
                match members.iter().find(|member| member.name.name == *name) {
                    Some(member) => model::Value::Int(member.value),
                    None if self.names.lookup(module, name).is_none() => {
                        let message = format!("`{of}` has no member `{name}`");
                        return Err(Diagnostic::new(Code::UnknownMember, value.span, message));
                    }
                    None => self.constant(module, value, 0)?,
                }
            }
            _ => self.constant(module, value, 0)?,
        };
        fits(&found, expected, value.span).map(|()| found)
    }

    /// A number of the kind expected.
    pub(crate) fn number(&self, module: usize, value: &Value, expected: Expected) -> Result<i128, Diagnostic> {
        match self.value(module, value, expected)? {
            model::Value::Int(number) => Ok(number),
            model::Value::Bytes(_) => Err(wrong(value.span, "a number is expected here, not bytes")),
        }
    }

    /// The length of an array.
    pub(crate) fn length(&self, module: usize, value: &Value) -> Result<u64, Diagnostic> {
        let int = IntType { bits: 32, signed: false, order: None };
        let number = self.number(module, value, Expected::Int(int))?;
        u64::try_from(number).map_err(|_| too_large(value.span, number, "the length of an array"))
    }

    /// The number of a message: a number, a constant, or a member of any enum in sight.
    pub(crate) fn message_number(&self, module: usize, value: &Value) -> Result<u64, Diagnostic> {
        let member = match &value.kind {
            ValueKind::Name(name) => self.names.enum_members(module).find(|member| member.name.name == *name),
            _ => None,
        };
        let int = IntType { bits: 64, signed: false, order: None };
        let number = match member {
            Some(member) => member.value,
            None => self.number(module, value, Expected::Int(int))?,
        };
        u64::try_from(number).map_err(|_| too_large(value.span, number, "the number of a message"))
    }

    /// The mask of a feature (W025).
    pub(crate) fn feature(&self, module: usize, name: &Ident) -> Result<u64, Diagnostic> {
        let member = self.names.feature_members(module).find(|member| member.name.name == name.name);
        let Some(member) = member else {
            let message = format!("no `features` item that is visible here declares `{}`", name.name);
            return Err(Diagnostic::new(Code::UnknownFeature, name.span, message));
        };
        Ok(pattern(member.value, 64))
    }

    /// The value of a constant item.
    pub(crate) fn declared(&self, module: usize, ty: ConstType, value: &Value) -> Result<model::Value, Diagnostic> {
        let expected = match ty {
            ConstType::Int(int) => Expected::Int(int),
            ConstType::Bytes => Expected::Bytes(None),
        };
        self.value(module, value, expected)
    }

    fn constant(&self, module: usize, value: &Value, depth: u8) -> Result<model::Value, Diagnostic> {
        let name = match &value.kind {
            ValueKind::Int(number) => return Ok(model::Value::Int(*number)),
            ValueKind::Bytes(bytes) => return Ok(model::Value::Bytes(bytes.clone())),
            ValueKind::Name(name) => Ident { name: name.clone(), span: value.span },
        };
        let id = self.names.find(module, &name)?;
        match &self.names.item(id).kind {
            ItemKind::Const(..) if depth == MAX_CONSTANTS => {
                let message = format!("`{}` is defined by itself, or by too many others", name.name);
                Err(Diagnostic::new(Code::RecursiveType, value.span, message))
            }
            ItemKind::Const(_, value) => self.constant(id.module, value, depth + 1),
            _ => {
                let message = format!("`{}` is {}, not a constant", name.name, kind(self.names.item(id)));
                Err(wrong(value.span, message))
            }
        }
    }
}

fn fits(value: &model::Value, expected: Expected, span: Span) -> Result<(), Diagnostic> {
    match (value, expected) {
        (model::Value::Int(number), Expected::Bool) if !(0..=1).contains(number) => {
            Err(too_large(span, *number, "`bool`"))
        }
        (model::Value::Int(number), Expected::Int(int)) => fits_int(*number, int, span),
        (model::Value::Int(number), Expected::Members { members, closed: true, name, .. })
            if members.iter().all(|member| member.value != *number) =>
        {
            let message = format!("`{name}` is closed and has no member {number}");
            Err(Diagnostic::new(Code::UnknownMember, span, message))
        }
        (model::Value::Int(number), Expected::Members { repr, wire, .. }) => {
            fits_int(*number, repr, span).and_then(|()| fits_int(*number, wire, span))
        }
        (model::Value::Int(_), Expected::Bytes(_)) => Err(wrong(span, "bytes are expected here, not a number")),
        (model::Value::Int(_), _) => Ok(()),
        (model::Value::Bytes(bytes), Expected::Bytes(Some(length))) if bytes.len() as u64 != length => {
            let message = format!("{} bytes do not fit an array of {length}", bytes.len());
            Err(Diagnostic::new(Code::ValueTooLarge, span, message))
        }
        (model::Value::Bytes(_), Expected::Bytes(_)) => Ok(()),
        (model::Value::Bytes(_), _) => Err(wrong(span, "a number is expected here, not bytes")),
    }
}

fn fits_int(number: i128, int: IntType, span: Span) -> Result<(), Diagnostic> {
    match range(int).contains(&number) {
        true => Ok(()),
        false => Err(too_large(span, number, &format!("`{}`", name_of(int)))),
    }
}

fn wrong(span: Span, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(Code::WrongKind, span, message)
}

/// That a number does not fit (W101).
pub(crate) fn too_large(span: Span, number: i128, what: &str) -> Diagnostic {
    Diagnostic::new(Code::ValueTooLarge, span, format!("{number} does not fit {what}"))
}

/// The numbers that an integer can be.
pub(crate) fn range(int: IntType) -> std::ops::RangeInclusive<i128> {
    match int.signed {
        true => -(1 << (int.bits - 1))..=(1 << (int.bits - 1)) - 1,
        false => 0..=(1 << int.bits) - 1,
    }
}

/// The bits of a number, in an integer of so many bits.
pub(crate) fn pattern(number: i128, bits: u8) -> u64 {
    let mask = u64::MAX >> (64 - u32::from(bits));
    (number & i128::from(mask)) as u64
}

/// The word for an integer type.
pub(crate) fn name_of(int: IntType) -> String {
    let order = match int.order {
        None => "",
        Some(Order::Little) => "le",
        Some(Order::Big) => "be",
    };
    format!("{}{}{order}", if int.signed { 'i' } else { 'u' }, int.bits)
}
