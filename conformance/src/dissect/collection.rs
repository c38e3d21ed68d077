//! Values that hold others: elements, options, frames.

use firefly_spec::model::{Count, Extent, Int, Or, Type};

use super::Cause;
use super::cursor::number;
use super::tree::{Role, Value};
use super::types::describe;
use super::walk::{Step, Walker};

impl<'m> Walker<'m, '_> {
    /// Reads elements, each of one or two values, and how many there are.
    pub(super) fn collection(&mut self, of: &[&'m Type], count: &Count, max: Option<u64>) -> Step {
        let number = match count {
            Count::Prefix(int) => self.front("count", *int, Role::Prefix)?,
            Count::Above(path) | Count::Field(path) => self.known(path)?,
            Count::Same(path) => self.same(path)?,
            Count::Rest => return self.until_end(of, max),
        };
        let count = self.measure(number, max)?;
        self.elements(of, count)
    }

    /// Reads so many elements.
    pub(super) fn elements(&mut self, of: &[&'m Type], count: u64) -> Step {
        self.means(Value::Elements(count));
        let least = of.iter().map(|ty| self.least(ty)).fold(0, u64::saturating_add);
        let present = self.left();
        if count.saturating_mul(least) > present {
            return Err(self.stop(Cause::TooMany { count, least, present }));
        }
        let text = text(of);
        (0..count).try_for_each(|index| self.element(of, index, &text))
    }

    fn until_end(&mut self, of: &[&'m Type], max: Option<u64>) -> Step {
        let text = text(of);
        let mut count = 0;
        while self.left() > 0 {
            self.element(of, count, &text)?;
            count = count.saturating_add(1);
        }
        self.means(Value::Elements(count));
        self.measure(count.into(), max).map(drop)
    }

    fn element(&mut self, of: &[&'m Type], index: u64, text: &str) -> Step {
        self.node(format!("[{index}]"), text, Role::Element, |walker| match of {
            [one] => walker.fill(one, None),
            several => several.iter().zip(["key", "value"]).try_for_each(|(ty, name)| {
                walker.node(name, describe(ty), Role::Element, |walker| walker.fill(ty, None))
            }),
        })
    }

    /// Reads a flag and, if it is set, a value.
    pub(super) fn option(&mut self, of: &'m Type, flag: Int) -> Step {
        let is = number(flag, self.peek(flag.bytes())?);
        if is != 0 && is != 1 {
            return Err(self.stop(Cause::NotBool(is)));
        }
        self.front("flag", flag, Role::Prefix)?;
        self.means(Value::Present(is == 1));
        if is == 1 { self.content(of, "value") } else { Ok(()) }
    }

    /// Reads a length and a value inside it, or what may be there instead.
    pub(super) fn framed(&mut self, of: &'m Type, extent: &Extent, or: Option<Or>, max: Option<u64>) -> Step {
        let length = match extent {
            Extent::Prefix(int) => {
                let number = self.front("length", *int, Role::Prefix)?;
                self.measure(number, max)?
            }
            other => self.extent(other, max)?,
        };
        match or {
            Some(Or::Raw) => return self.within(length, |walker| walker.value_or_raw(of)),
            Some(Or::Empty) => self.means(Value::Present(length > 0)),
            None => {}
        }
        if or.is_some() && length == 0 {
            return Ok(());
        }
        self.within(length, |walker| {
            walker.content(of, "value")?;
            walker.remainder("left over");
            Ok(())
        })
    }

    /// Reads a value if all that is left is one, otherwise the bytes as they are.
    fn value_or_raw(&mut self, of: &'m Type) -> Step {
        let (here, start) = (self.here, self.cursor().at);
        let children = self.open.last().map_or(0, |node| node.children.len());
        if self.left() > 0 && self.content(of, "value").is_ok() && self.left() == 0 {
            return Ok(());
        }
        if let Some(node) = self.open.last_mut() {
            node.children.truncate(children);
            node.note = None;
        }
        self.notes.retain(|(section, at), _| *section != here || *at < start);
        self.cursors.get_mut(here).at = start;
        self.node("raw", "raw", Role::Field, Self::rest)
    }
}

fn text(of: &[&Type]) -> String {
    of.iter().map(|ty| describe(ty)).collect::<Vec<_>>().join(" → ")
}
