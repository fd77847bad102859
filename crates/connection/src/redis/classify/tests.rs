use super::*;

fn check(code: &str, detail: &str, kind: ErrorKind, certainty: Certainty, verdict: Verdict) {
    let (error, judged) = server_error(code, detail);
    assert_eq!((error.kind(), error.certainty(), judged), (kind, certainty, verdict), "{code} {detail}");
}

#[test]
fn server_codes_say_what_happened_to_the_work() {
    use Certainty::{Failed, Refused};
    check("READONLY", "", ErrorKind::ReadOnly, Refused, Verdict::Replace("readonly"));
    check("LOADING", "", ErrorKind::Loading, Refused, Verdict::Healthy);
    check("NOAUTH", "Authentication required.", ErrorKind::Auth, Refused, Verdict::Replace("auth"));
    check("OOM", "command not allowed", ErrorKind::OutOfMemory, Refused, Verdict::Healthy);
    check("WRONGTYPE", "", ErrorKind::WrongType, Failed, Verdict::Healthy);
    check(
        "ERR",
        "max number of clients reached",
        ErrorKind::Overloaded,
        Refused,
        Verdict::Replace("maxclients"),
    );
    check("ERR", "value is not an integer", ErrorKind::Server, Failed, Verdict::Healthy);
}

#[test]
fn repeated_arguments_are_cut_off() {
    let (error, _) = server_error("ERR", "unknown command 'AUTHX', with args beginning with: 'hunter2'");
    assert!(!error.to_string().contains("hunter2"));
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
