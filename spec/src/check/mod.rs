//! What a spec can say wrong although every name in it is known. One pass per file.

mod arms;
mod clauses;
mod conversions;
mod derived;
mod forms;
mod sizes;
mod values;
mod versions;
mod walk;

use crate::diagnostic::Diagnostic;
use crate::lower::Program;
use crate::model::Model;

/// Runs the passes that need no sizes.
pub(crate) fn check(program: &Program, model: &Model, diagnostics: &mut Vec<Diagnostic>) {
    clauses::check(program, diagnostics);
    forms::check(program, diagnostics);
    conversions::check(program, diagnostics);
    derived::check(program, diagnostics);
    versions::check(program, diagnostics);
    values::check(program, model, diagnostics);
    arms::check(model, diagnostics);
}

/// Computes the sizes, stores them in the model and checks them.
pub(crate) fn measure(program: &Program, model: &mut Model, diagnostics: &mut Vec<Diagnostic>) {
    sizes::measure(program, model, diagnostics);
}
