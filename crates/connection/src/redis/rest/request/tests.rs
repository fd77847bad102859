use serde_json::Value as Json;

use super::*;

fn cmd(args: &[&[u8]]) -> Cmd {
    let mut cmd = Cmd::new();
    args.iter().for_each(|arg| {
        cmd.arg(*arg);
    });
    cmd
}

fn texts(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body).expect("it is JSON")
}

#[test]
fn text_travels_as_it_is() {
    let writer = Writer::default();
    let body = writer.one(&cmd(&[b"SET", b"k", "grüße \"\\\0\n".as_bytes(), b""])).expect("it is text");
    assert_eq!(texts(&body), ["SET", "k", "grüße \"\\\0\n", ""]);
    let body = writer.several(&[&cmd(&[b"PING"]), &cmd(&[b"GET", b"k"])]).expect("it is text");
    let body: Json = serde_json::from_slice(&body).expect("it is JSON");
    assert_eq!(body, serde_json::json!([["PING"], ["GET", "k"]]));
}

#[test]
fn other_bytes_go_by_a_script_as_characters() {
    let body = Writer::default().one(&cmd(&[b"SET", b"k", &[0, 127, 128, 255]])).expect("it can be spelled");
    let texts = texts(&body);
    assert_eq!(texts[0], "EVAL");
    assert!(texts[1].ends_with(CALL) && texts[1].is_ascii());
    assert_eq!(texts[2..], ["0", "SET", "k", "\u{0}\u{7f}\u{80}\u{ff}", "8"]);
}

#[test]
fn script_is_known_with_its_prelude_once_it_was_sent() {
    let (writer, source) = (Writer::default(), "return ARGV[2]");
    let plain = digest(source);
    let call =
        |name: &str, script: &str| cmd(&[name.as_bytes(), script.as_bytes(), b"1", b"key", b"", &[0xc5, 1]]);
    let unknown = writer.one(&call("EVALSHA", &plain)).expect_err("it was never sent");
    assert_eq!((unknown.code(), unknown.certainty()), (Some("NOSCRIPT"), Certainty::NotSent));

    let sent = texts(&writer.one(&call("EVAL", source)).expect("it can be spelled"));
    assert_eq!(sent[0], "EVAL");
    assert_eq!(sent[2..], ["1", "key", "", "\u{c5}\u{1}", "2"]);
    let known = texts(&writer.one(&call("EVALSHA", &plain)).expect("it was sent"));
    assert_eq!((&known[0], &known[1]), (&"EVALSHA".to_owned(), &digest(&sent[1])));
    assert_eq!(known[2..], sent[2..]);
    // Without such arguments it stays what it was.
    assert_eq!(
        texts(&writer.one(&cmd(&[b"EVALSHA", plain.as_bytes(), b"0"])).expect("it is text"))[1],
        plain
    );
}

#[test]
fn first_line_that_means_something_stays_the_first() {
    let whole = with_prelude("#!lua flags=no-writes\nreturn 1");
    assert!(whole.starts_with("#!lua flags=no-writes\n--") && whole.ends_with("end\nreturn 1"), "{whole}");
}

#[test]
fn names_of_keys_that_are_no_text_are_refused_before_they_are_sent() {
    for wrong in [cmd(&[b"EVAL", b"return 1", b"1", &[255]]), cmd(&[b"EVAL", b"return 1", b"9", &[255]])] {
        let error = Writer::default().one(&wrong).expect_err("there is no way");
        assert_eq!((error.kind(), error.certainty()), (ErrorKind::Unsupported, Certainty::NotSent));
    }
}
