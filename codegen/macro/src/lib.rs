//! The `wire!` macro.
//!
//! It is a shell: tokens of the compiler become tokens of the spec language, the spec compiler makes a model of them
//! and of the files they name, and `firefly_codegen` writes Rust. Diagnostics become compile errors at the place in
//! the `.wire` file that they speak of.

use std::path::Path;

use firefly_codegen::rust::{Options, module};
use firefly_spec::diagnostic::Diagnostic;
use firefly_spec::span::Span;
use firefly_spec::token::{Token, TokenKind};
use proc_macro2::{Delimiter, Group, Literal, Punct, Spacing, TokenStream, TokenTree};

/// Generates the types and codecs of a protocol written in the wire language.
///
/// A `.wire` file is a Rust module which holds one call of this macro and nothing else:
/// `#[path = "chat.wire"] mod chat;`. Files named by `use` must stand beside it and be modules beside it.
#[proc_macro]
pub fn wire(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let file = proc_macro::Span::call_site().local_file().unwrap_or_default();
    let mut source = Source::default();
    source.take(TokenStream::from(input));
    let options = Options { serde: cfg!(feature = "serde"), arbitrary: cfg!(feature = "arbitrary") };
    expand(&file, &source, options).into()
}

fn expand(file: &Path, source: &Source, options: Options) -> TokenStream {
    let name = file.file_stem().map_or_else(|| "main".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let compiled = firefly_spec::compile_tokens(&name, &folder, &source.tokens, source.end());
    match compiled.result {
        Ok(model) => module(&model, &name, options, &|span| source.span(span)),
        Err(diagnostics) => diagnostics.iter().map(|d| source.error(d, &compiled.sources)).collect(),
    }
}

/// The macro's input in the language's tokens, with the compiler's span of each.
#[derive(Default)]
struct Source {
    tokens: Vec<Token>,
    spans: Vec<proc_macro2::Span>,
}

impl Source {
    fn take(&mut self, stream: TokenStream) {
        let mut trees = stream.into_iter().peekable();
        while let Some(tree) = trees.next() {
            match tree {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    let doc = match trees.peek() {
                        Some(TokenTree::Group(group)) => doc_line(group),
                        _ => None,
                    };
                    match doc {
                        Some(line) => {
                            let span = trees.next().map_or_else(proc_macro2::Span::call_site, |tree| tree.span());
                            self.push(TokenKind::Doc(line), span);
                        }
                        None => self.push(TokenKind::Punct('#'), punct.span()),
                    }
                }
                TokenTree::Punct(punct) => self.push(TokenKind::Punct(punct.as_char()), punct.span()),
                TokenTree::Ident(ident) => self.push(TokenKind::Ident(ident.to_string()), ident.span()),
                TokenTree::Literal(literal) => {
                    let kinds = literal_tokens(&literal);
                    kinds.into_iter().for_each(|kind| self.push(kind, literal.span()));
                }
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Brace => ('{', '}'),
                        Delimiter::Bracket => ('[', ']'),
                        Delimiter::Parenthesis => ('(', ')'),
                        Delimiter::None => {
                            self.take(group.stream());
                            continue;
                        }
                    };
                    self.push(TokenKind::Open(open), group.span_open());
                    self.take(group.stream());
                    self.push(TokenKind::Close(close), group.span_close());
                }
            }
        }
    }

    fn push(&mut self, kind: TokenKind, span: proc_macro2::Span) {
        let start = u32::try_from(self.spans.len()).unwrap_or(u32::MAX);
        self.tokens.push(Token::new(kind, Span { file: 0, start, end: start.saturating_add(1) }));
        self.spans.push(span);
    }

    /// Where an unexpected end is reported.
    fn end(&self) -> Span {
        let start = u32::try_from(self.spans.len().saturating_sub(1)).unwrap_or(0);
        Span { file: 0, start, end: start + 1 }
    }

    fn span(&self, span: Span) -> proc_macro2::Span {
        let index = usize::try_from(span.start).unwrap_or(usize::MAX);
        match self.spans.get(index) {
            Some(found) if span.file == 0 => *found,
            _ => proc_macro2::Span::call_site(),
        }
    }

    /// A diagnostic as a compile error. One in another file names the place, since its tokens are not here.
    fn error(&self, diagnostic: &Diagnostic, sources: &firefly_spec::source::SourceMap) -> TokenStream {
        let mut text = format!("{}: {}", diagnostic.code, diagnostic.message);
        let span = diagnostic.span();
        if let (true, Some(file), Some(at)) = (span.file != 0, sources.file(span), sources.position(span)) {
            text = format!("{}.wire:{}:{}: {text}", file.name, at.line, at.column);
        }
        for label in diagnostic.labels.iter().filter(|label| !label.text.is_empty()) {
            text.push_str(&format!("\n  note: {}", label.text));
        }
        if let Some(help) = &diagnostic.help {
            text.push_str(&format!("\n  help: {help}"));
        }
        compile_error(&text, self.span(diagnostic.span()))
    }
}

/// The line of a `#[doc = "…"]` attribute, which is what `///` becomes.
fn doc_line(group: &Group) -> Option<String> {
    let mut trees = group.stream().into_iter();
    match (trees.next(), trees.next(), trees.next()) {
        (Some(TokenTree::Ident(doc)), Some(TokenTree::Punct(_)), Some(TokenTree::Literal(text))) if doc == "doc" => {
            match literal_tokens(&text).pop() {
                Some(TokenKind::Str(bytes)) => {
                    let line = String::from_utf8_lossy(&bytes).into_owned();
                    Some(line.strip_prefix(' ').map_or(line.clone(), str::to_owned))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// A literal in the language's own tokens, by its own lexer.
fn literal_tokens(literal: &Literal) -> Vec<TokenKind> {
    firefly_spec::lexer::lex(0, &literal.to_string()).0.into_iter().map(|token| token.kind).collect()
}

/// `compile_error!` whose every token carries the span.
fn compile_error(text: &str, span: proc_macro2::Span) -> TokenStream {
    let mut text = Literal::string(text);
    text.set_span(span);
    let mut group = Group::new(Delimiter::Parenthesis, TokenTree::from(text).into());
    group.set_span(span);
    let mut bang = Punct::new('!', Spacing::Alone);
    bang.set_span(span);
    let mut semicolon = Punct::new(';', Spacing::Alone);
    semicolon.set_span(span);
    let name = proc_macro2::Ident::new("compile_error", span);
    [TokenTree::from(name), bang.into(), group.into(), semicolon.into()].into_iter().collect()
}
