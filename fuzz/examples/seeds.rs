//! Writes seeds for the fuzz targets, cut out of the captures named as arguments or of the bundled ones.
//!
//! `cargo run -p firefly-fuzz --example seeds -- [CAPTURE]...` fills `fuzz/corpus/`.

use std::path::{Path, PathBuf};

use firefly_conformance::capture::{Direction, EventKind, read};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut captures: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if captures.is_empty() {
        captures = ["mini-none", "ipv6-none"]
            .map(|name| here.join(format!("../conformance/captures/{name}.pcap.gz")))
            .to_vec();
    }
    let folder = here.join("corpus/frame_stream");
    std::fs::create_dir_all(&folder)?;
    let mut count = 0;
    for path in captures {
        let stem = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for connection in read(&path)?.connections {
            for direction in [Direction::Client, Direction::Server] {
                for (n, event) in connection.events.iter().filter(|e| e.direction == direction).enumerate() {
                    // Small pieces make good seeds; a fuzzer joins them by itself.
                    if let EventKind::Data(bytes) = &event.kind
                        && bytes.len() <= 4096
                    {
                        let name = format!("{stem}-{}-{direction}-{n}", connection.id);
                        std::fs::write(folder.join(name), firefly_fuzz::seed(0, 7, bytes))?;
                        count += 1;
                    }
                }
            }
        }
    }
    println!("{count} seeds in {}", folder.display());
    Ok(())
}
