//! The Rust module of one `.wire` file: types, decoders, encoders, sizes, descriptors.
//!
//! The generated code is concrete and plain: no generics, no `unsafe`, nothing that can panic on what a peer sends. Each
//! function reads from top to bottom as the bytes lie on the wire; neighbouring fields of fixed size are loaded and
//! stored as one array, with one bounds check.

mod arbitrary;
mod choose;
mod decode;
mod define;
mod describe;
mod docs;
mod encode;
mod enums;
mod measure;
mod message;
mod names;
mod read;
mod run;
mod scope;
mod size;
mod types;
mod version;
mod view;
mod write;

use std::cell::Cell;

use firefly_spec::model::{ItemKind, Model, Module};
use firefly_spec::span::Span;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// What to generate beyond types and codecs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Derive serde's `Serialize` and `Deserialize`.
    pub serde: bool,
    /// Implement `Arbitrary`, and generate tests of the laws.
    pub arbitrary: bool,
}

/// Generates the module `name` of the model.
///
/// `spans` gives the compiler's span for a place in the spec, so that errors and "go to definition" lead there.
pub fn module(model: &Model, name: &str, options: Options, spans: &dyn Fn(Span) -> proc_macro2::Span) -> TokenStream {
    let Some(module) = model.modules.iter().find(|m| m.name == name) else {
        let message = format!("the model has no module `{name}`");
        return quote!(compile_error!(#message););
    };
    let emitter = Emitter { model, module, options, spans, rt: quote!(codec), counter: Cell::new(0) };
    emitter.module()
}

/// The state of generating one module.
pub(crate) struct Emitter<'m> {
    model: &'m Model,
    module: &'m Module,
    options: Options,
    spans: &'m dyn Fn(Span) -> proc_macro2::Span,
    /// The path to the runtime's codec support.
    rt: TokenStream,
    /// For names that must not clash.
    counter: Cell<u32>,
}

impl<'m> Emitter<'m> {
    fn module(&self) -> TokenStream {
        let mut out = quote!(
            use ::firefly_runtime::codec;
        );
        for item in &self.module.items {
            out.extend(match &item.kind {
                ItemKind::ConstInt { .. } | ItemKind::ConstBytes { .. } => self.constant(item),
                ItemKind::Enum { repr, closed, members } => self.enumeration(item, *repr, *closed, members),
                ItemKind::Flags { repr, members } | ItemKind::Features { repr, members } => {
                    self.flags(item, *repr, members)
                }
                ItemKind::Checksum { init, xorout, .. } => self.checksum_const(item, *init, *xorout),
                ItemKind::Struct(s) => self.structure(item, s),
                ItemKind::Union(u) => self.union(item, u),
                ItemKind::Message(m) => self.message(item, m),
                ItemKind::Messages { members, .. } => self.messages(item, members),
                ItemKind::Extern { .. } => TokenStream::new(),
            });
        }
        out.extend(self.descriptors());
        if self.options.arbitrary {
            out.extend(self.laws());
        }
        out
    }

    /// A name that no other part of the generated code uses.
    fn fresh(&self, stem: &str) -> proc_macro2::Ident {
        let n = self.counter.get();
        self.counter.set(n + 1);
        format_ident!("{stem}_{n}")
    }
}

/// Where in a value the code being generated is: the error context, innermost last.
#[derive(Clone, Default)]
struct At(Vec<TokenStream>);

impl At {
    /// Inside a field.
    fn field(&self, name: &str) -> At {
        let mut at = self.clone();
        at.0.push(quote!(.field(#name)));
        at
    }

    /// Inside an element, whose number is in a variable.
    fn index(&self, i: &proc_macro2::Ident) -> At {
        let mut at = self.clone();
        at.0.push(quote!(.index(#i)));
        at
    }

    /// Appends the context to an error.
    fn chain(&self) -> TokenStream {
        self.0.iter().rev().cloned().collect()
    }

    /// `expr?`, with the context added to its error.
    fn attempt(&self, expr: TokenStream) -> TokenStream {
        if self.0.is_empty() {
            quote!(#expr?)
        } else {
            let chain = self.chain();
            quote!(#expr.map_err(|e| e #chain)?)
        }
    }

    /// The same for a value that may be large: it is moved once, where `map_err` and `?` move it each.
    fn attempt_large(&self, expr: TokenStream) -> TokenStream {
        if self.0.is_empty() {
            quote!(#expr?)
        } else {
            let chain = self.chain();
            quote!(match #expr { Ok(value) => value, Err(e) => return Err(e #chain) })
        }
    }

    /// `return Err(error)`, with the context added.
    fn fail(&self, error: TokenStream) -> TokenStream {
        let chain = self.chain();
        quote!(return Err(#error #chain))
    }
}
