//! Where encoded objects come from.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use firefly_runtime::codec::hex;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;

/// An encoded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Ceph's name of its type.
    pub ty: String,
    /// What to call it: its name or number in the corpus, or the line it stands on.
    pub name: String,
    /// The encoded object.
    pub bytes: Bytes,
}

/// Why a corpus cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}{}: {reason}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct CorpusError {
    /// The file or folder.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl CorpusError {
    fn new(path: &Path, line: Option<usize>, reason: impl ToString) -> Self {
        CorpusError { path: path.to_owned(), line, reason: reason.to_string() }
    }
}

/// Reads all objects of a corpus: a file of JSON lines `{"type": "pg_info_t", "hex": "…"}`, gzip-compressed or not, or a
/// folder that holds `objects/TYPE/HASH` at some depth, one object in each file.
///
/// # Errors
/// When something in it cannot be read.
pub fn read(path: &Path) -> Result<Vec<Object>, CorpusError> {
    if path.is_dir() { folder(path) } else { lines(path) }
}

/// A line of a corpus file.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    ty: String,
    hex: String,
    name: Option<String>,
    test: Option<u64>,
}

fn lines(path: &Path) -> Result<Vec<Object>, CorpusError> {
    let reader: Box<dyn BufRead> = open(path).map_err(|error| CorpusError::new(path, None, error))?;
    let mut objects = Vec::new();
    for (number, line) in (1..).zip(reader.lines()) {
        let fail = |reason: &dyn ToString| CorpusError::new(path, Some(number), reason.to_string());
        let line = line.map_err(|error| fail(&error))?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_str(&line).map_err(|error| fail(&error))?;
        let bytes = hex::decode(&line.hex).map_err(|error| fail(&error))?;
        let name = line.name.or_else(|| line.test.map(|test| format!("test {test}")));
        let name = name.unwrap_or_else(|| format!("line {number}"));
        objects.push(Object { ty: line.ty, name, bytes: bytes.into() });
    }
    Ok(objects)
}

fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let input: Box<dyn Read> = if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut input = BufReader::new(input);
    let packed = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if packed { Box::new(BufReader::new(MultiGzDecoder::new(input))) } else { Box::new(input) })
}

/// How deep in a folder `objects` is looked for.
const DEPTH: usize = 4;

fn folder(path: &Path) -> Result<Vec<Object>, CorpusError> {
    let mut objects = Vec::new();
    let mut places = Vec::new();
    find_objects(path, DEPTH, &mut places)?;
    if places.is_empty() {
        return Err(CorpusError::new(path, None, "no folder `objects` in it"));
    }
    for ty in places.iter().map(|place| entries(place)).collect::<Result<Vec<_>, _>>()?.concat() {
        if !ty.is_dir() {
            continue;
        }
        for file in entries(&ty)?.into_iter().filter(|file| file.is_file()) {
            let bytes = fs::read(&file).map_err(|error| CorpusError::new(&file, None, error))?;
            objects.push(Object { ty: file_name(&ty), name: file_name(&file), bytes: bytes.into() });
        }
    }
    Ok(objects)
}

fn find_objects(path: &Path, depth: usize, places: &mut Vec<PathBuf>) -> Result<(), CorpusError> {
    if path.file_name().is_some_and(|name| name == "objects") {
        places.push(path.to_owned());
    } else if depth > 0 {
        for entry in entries(path)?.into_iter().filter(|entry| entry.is_dir()) {
            find_objects(&entry, depth - 1, places)?;
        }
    }
    Ok(())
}

/// What is in a folder, by name.
fn entries(path: &Path) -> Result<Vec<PathBuf>, CorpusError> {
    let entries = fs::read_dir(path).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries: Vec<PathBuf> = entries.map_err(|error: io::Error| CorpusError::new(path, None, error))?;
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
