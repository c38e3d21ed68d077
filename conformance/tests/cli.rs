//! The program as scripts see it: exit status, output, complaints.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn firefly(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firefly")).args(args).stdin(Stdio::null()).output().expect("runs")
}

fn fed(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_firefly"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("piped");
    // A program that does not want the input is no reason to fail.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("ends")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit status")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// The bytes of the smallest capture, unpacked.
fn unpacked() -> Vec<u8> {
    let packed = std::fs::read(capture("mini-none.pcap.gz")).expect("a capture");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut bytes).expect("gzip");
    bytes
}

fn scratch(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).expect("can be written");
    path
}

#[test]
fn without_captures_the_bundled_ones_are_checked() {
    let output = firefly(&["replay"]);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    let text = stdout(&output);
    let headline = "PASS  2 captures, 17 connections, 240 messages of 15 types, every byte accounted for\n";
    assert!(text.starts_with(headline), "{text}");
    assert!(!text.contains('\x1b'));
}

#[test]
fn colours_come_when_asked_for() {
    assert!(stdout(&firefly(&["replay", "--color", "always"])).contains('\x1b'));
    assert!(!stdout(&firefly(&["replay", "--color", "never"])).contains('\x1b'));
}

#[test]
fn json_has_the_keys_of_the_contract() {
    let output = firefly(&["replay", "--format", "json"]);
    assert_eq!(code(&output), 0);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(json["schema"], "firefly-replay/1");
    assert_eq!(json["summary"]["verdict"], "pass");
    let keys = [
        ("", "packets bytes connections handshake tags messages crc signatures bytes_unaccounted findings"),
        ("/connections", "total complete midstream gaps"),
        ("/handshake", "connects replies"),
        ("/handshake/replies", "READY SEQ WAIT"),
        ("/tags", "MSG ACK KEEPALIVE KEEPALIVE2 KEEPALIVE2_ACK CLOSE"),
        ("/messages", "total decoded opaque failed exact by_type"),
        ("/messages/by_type/42", "name count decoded opaque failed exact"),
        ("/crc", "ok bad skipped"),
        ("/signatures", "present verified bad unverified"),
    ];
    for part in [&json["captures"][0], &json["captures"][1], &json["summary"]] {
        for (pointer, keys) in keys {
            let object = part.pointer(pointer).and_then(|value| value.as_object()).expect(pointer);
            for key in keys.split(' ') {
                assert!(object.contains_key(key), "{pointer}/{key}");
            }
        }
    }
    assert_eq!(json["captures"][0]["file"], "mini-none.pcap.gz");
}

#[test]
fn standard_input_is_a_capture() {
    let output = fed(&["replay", "-", "--format", "json"], &unpacked());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&json["captures"][0]["file"], &json["summary"]["messages"]["total"]), (&"-".into(), &135.into()));
}

#[test]
fn a_damaged_capture_fails_and_tells_where() {
    let mut bytes = unpacked();
    let at = bytes.windows(9).position(|window| window == b"ceph v027").expect("a banner");
    bytes[at + 8] = b'6';
    let path = scratch("damaged.pcap", &bytes);
    let output = firefly(&["replay", "--format", "json", &path.display().to_string()]);
    assert_eq!(code(&output), 1);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(json["summary"]["verdict"], "fail");
    let finding = &json["captures"][0]["findings"][0];
    assert_eq!((&finding["severity"], &finding["rule"]), (&"error".into(), &"ER-03".into()));
    assert_eq!((&finding["direction"], &finding["stream_offset"]), (&"server".into(), &0.into()));
    for key in ["connection", "packet", "time", "message"] {
        assert!(!finding[key].is_null(), "{key}");
    }
    let text = stdout(&firefly(&["replay", &path.display().to_string()]));
    assert!(
        text.starts_with("FAIL  1 capture, 10 connections, 135 messages of 15 types, 9 bytes unaccounted for\n"),
        "{text}"
    );
    assert!(text.contains("\nerror  ER-03  wrong banner\n"), "{text}");
}

#[test]
fn a_truncated_capture_is_no_pass() {
    let bytes = unpacked();
    let path = scratch("truncated.pcap", &bytes[..bytes.len() / 2]);
    let output = firefly(&["replay", &path.display().to_string()]);
    assert_eq!(code(&output), 1, "{}", stdout(&output));
    assert!(stdout(&output).contains("not all of the file can be read"), "{}", stdout(&output));
}

#[test]
fn the_order_of_reports_is_that_of_the_captures() {
    let names =
        ["ipv6-none.pcap.gz", "mini-none.pcap.gz", "ipv6-none.pcap.gz"].map(|name| capture(name).display().to_string());
    let args: Vec<&str> =
        ["replay", "--jobs", "3", "--format", "json"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let json: serde_json::Value = serde_json::from_str(&stdout(&firefly(&args))).expect("JSON");
    let files: Vec<&str> =
        json["captures"].as_array().unwrap().iter().map(|capture| capture["file"].as_str().unwrap()).collect();
    assert_eq!(files, names);
}

#[test]
fn a_report_goes_to_a_file() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report.txt");
    let output = firefly(&["replay", "--color", "always", "--output", &path.display().to_string()]);
    assert_eq!((code(&output), stdout(&output).as_str()), (0, ""));
    let text = std::fs::read_to_string(&path).expect("a report");
    assert!(text.starts_with("PASS  ") && !text.contains('\x1b'));
}

#[test]
fn bad_usage_and_bad_input_are_2() {
    let empty = scratch("empty.pcap", b"").display().to_string();
    let nonsense = scratch("nonsense.pcap", b"this is no capture at all, not in the least").display().to_string();
    let header = scratch("header.pcap", &unpacked()[..24]).display().to_string();
    let keys = scratch("keys", b"no keys here").display().to_string();
    for args in [
        &["replay", "/no/such/file.pcap"][..],
        &["replay", &empty],
        &["replay", &nonsense],
        &["replay", &header],
        &["replay", "--format", "no-such-format"],
        &["replay", "--jobs", "0"],
        &["replay", "--keyring", &keys],
        &["replay", "--keyring", "/no/such/file"],
        &["replay", "-", "-"],
        &["no-such-command"],
        &["corpus"],
        &["corpus", "/no/such/file"],
        &["corpus", &nonsense],
        &["decode", "--type", "no_such_type", "--hex", "00"],
        &["decode", "--type", "u64", "--hex", "0"],
        &["types", "no_such_type"],
        &["spec", "check", "/no/such/file.wire"],
        &[],
    ] {
        let output = firefly(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn nothing_checked_is_not_all_well() {
    let output = firefly(&[
        "corpus",
        &scratch("unknown.jsonl", br#"{"type": "no_such_type", "hex": "00"}"#).display().to_string(),
    ]);
    assert_eq!(code(&output), 2);
    let output = fed(&["replay", "-"], &unpacked()[..24]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("nothing was checked"), "{}", stderr(&output));
}

#[test]
fn a_corpus_is_counted_by_type() {
    let lines = concat!(
        r#"{"type": "entity_name_t", "hex": "08ffffffffffffffff"}"#,
        "\n\n",
        r#"{"type": "entity_name_t", "hex": "08ff", "name": "short"}"#,
        "\n",
        r#"{"type": "no_such_type", "hex": "00"}"#,
        "\n",
    );
    let path = scratch("corpus.jsonl", lines.as_bytes()).display().to_string();
    let output = firefly(&["corpus", "--format", "json", &path]);
    assert_eq!(code(&output), 1);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(json["schema"], "firefly-corpus/1");
    let expected = serde_json::json!({"count": 2, "decoded": 1, "exact": 1, "failed": 1, "unknown": 0});
    assert_eq!(json["by_type"]["entity_name_t"], expected);
    let expected = serde_json::json!({"count": 3, "decoded": 1, "exact": 1, "failed": 1, "unknown": 1});
    assert_eq!(json["summary"], expected);
    assert_eq!(json["failures"][0]["name"], "short");
}

#[test]
fn a_folder_is_a_corpus() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("object-corpus");
    let objects = folder.join("archive/0.80/objects/entity_name_t");
    std::fs::create_dir_all(&objects).expect("can be created");
    std::fs::write(objects.join("5d41402a"), [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
        .expect("can be written");
    let output = firefly(&["corpus", &folder.display().to_string()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("PASS  1 object of 1 type, 1 exact; 0 of 0 types unknown\n"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_value_is_shown_as_json_and_as_a_tree() {
    let name = ["--type", "entity_name_t", "--hex", "08 ffffffffffffffff"];
    let output = firefly(&[&["decode"][..], &name].concat());
    assert_eq!(code(&output), 0);
    let json: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(json, serde_json::json!({"type": 8, "num": -1}));
    let output = firefly(&[&["decode", "--tree"][..], &name].concat());
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("num"), "{}", stdout(&output));
    let output = firefly(&["decode", "--type", "entity_name_t", "--hex", "08"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("needs"), "{}", stderr(&output));
}

#[test]
fn types_are_listed_and_shown() {
    let text = stdout(&firefly(&["types"]));
    for name in ["EntityName", "entity_name_t", "MOSDOp", "message 42"] {
        assert!(text.contains(name), "{name}");
    }
    assert!(
        stdout(&firefly(&["types", "entity_name_t"]))
            .starts_with("EntityName (entity_name_t), struct of address.wire\n")
    );
    let output = firefly(&["types", "entity_nam_t"]);
    assert!(stderr(&output).starts_with("error: there is no type `entity_nam_t`; did you mean entity_name_t,"));
}

#[test]
fn a_spec_is_checked_with_excerpts() {
    let bad =
        scratch("bad.wire", b"protocol p\norder little\n\nstruct A {\n    x : NoSuchType\n}\n").display().to_string();
    let output = firefly(&["spec", "check", &bad]);
    assert_eq!(code(&output), 1);
    let text = stdout(&output);
    assert!(text.contains("W021") && text.contains("bad.wire:5:9") && text.contains("^^^^^^^^^^"), "{text}");
    let good = scratch("good.wire", b"protocol p\norder little\n\nstruct A {\n    x : u32\n}\n").display().to_string();
    assert_eq!(code(&firefly(&["spec", "check", &good])), 0);
    let json: serde_json::Value = serde_json::from_str(&stdout(&firefly(&["spec", "ir", &good]))).expect("JSON");
    assert_eq!(json["modules"][0]["name"], "good");
}

#[test]
fn a_spec_is_formatted_in_place() {
    let path = scratch("loose.wire", b"protocol p order little struct A{x:u32}");
    let name = path.display().to_string();
    assert_eq!(code(&firefly(&["spec", "fmt", "--check", &name])), 1);
    assert_eq!(code(&firefly(&["spec", "fmt", &name])), 0);
    assert_eq!(code(&firefly(&["spec", "fmt", "--check", &name])), 0);
    assert!(std::fs::read_to_string(&path).expect("there").starts_with("protocol p\norder little\n"));
}

#[test]
fn every_command_has_examples_in_its_help() {
    for command in ["replay", "corpus", "decode", "types", "spec"] {
        let output = firefly(&[command, "--help"]);
        assert_eq!(code(&output), 0);
        assert!(stdout(&output).contains("Examples:\n"), "{command}");
    }
    assert!(stdout(&firefly(&["--version"])).starts_with("firefly "));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_firefly"))
        .args(["replay", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
}
