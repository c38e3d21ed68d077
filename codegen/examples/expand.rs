//! Prints the Rust that a `.wire` file becomes: `cargo run -p firefly-codegen --example expand -- FILE [--all]`.

use std::path::Path;

use firefly_codegen::rust::{Options, module};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: expand FILE.wire")?;
    let all = std::env::args().any(|arg| arg == "--all");
    let name = Path::new(&path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let compiled = firefly_spec::compile(Path::new(&path))?;
    let model = compiled.result.map_err(|diagnostics| format!("{diagnostics:#?}"))?;
    let tokens = module(&model, &name, Options { serde: all, arbitrary: all }, &|_| proc_macro2::Span::call_site());
    let file = syn::parse2(tokens.clone()).map_err(|error| {
        // What cannot be parsed is printed as it is, for rustc to judge.
        println!("{tokens}");
        error.to_string()
    })?;
    print!("{}", prettyplease::unparse(&file));
    Ok(())
}
