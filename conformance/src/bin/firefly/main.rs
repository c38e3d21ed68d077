//! The command line: replays captures, checks corpora, decodes values, compiles specs.
//!
//! Exit status: 0 all is well; 1 something is wrong with what was checked; 2 bad usage, or input that cannot be read, or
//! nothing to check.
#![forbid(unsafe_code)]

mod corpus;
mod decode;
mod output;
mod replay;
mod spec;
mod types;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

/// Checks recorded Ceph Firefly traffic (messenger protocol v1) and encoded objects against the protocol's specification.
#[derive(Debug, Parser)]
#[command(name = "firefly", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

const EXAMPLES: &str = "\
Examples:
  firefly replay                        check the bundled captures
  firefly replay cluster.pcap           check a capture of one's own
  firefly types MonMap                  show what the specification says about a type

Exit status: 0 all is well; 1 something is wrong with what was checked; 2 bad usage, input that cannot be read, or nothing to check.";

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::Args),
    Corpus(corpus::Args),
    Decode(decode::Args),
    Types(types::Args),
    Spec(spec::Args),
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    Always,
    Never,
}

/// What a command has to say for itself at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// All is well.
    Good,
    /// Something is wrong with what was checked.
    Bad,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            let bad = help.use_stderr();
            let _ = help.print();
            return ExitCode::from(if bad { 2 } else { 0 });
        }
    };
    match cli.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
    let result = match cli.command {
        Command::Replay(args) => replay::run(args),
        Command::Corpus(args) => corpus::run(args),
        Command::Decode(args) => decode::run(args),
        Command::Types(args) => types::run(args),
        Command::Spec(args) => spec::run(args),
    };
    match result {
        Ok(Status::Good) => ExitCode::SUCCESS,
        Ok(Status::Bad) => ExitCode::FAILURE,
        Err(error) => {
            output::complain(&error);
            ExitCode::from(2)
        }
    }
}
