use super::{super::sources::Source, violations};

fn check(conformance: &str, refused: &[&str]) {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.into() };
    let crates = [
        source(
            "crates/ratelimit/src/take.rs",
            "/// impl Operation for Documented {}\n\
             impl<'a> Operation for gcra::Take<'a> {\n    const NAME: &'static str = \"ratelimit.take\";\n}\n\
             impl<O: Operation> Operation for &O {\n    const NAME: &'static str = O::NAME;\n}\n",
        ),
        source("crates/ratelimit/src/tests.rs", "impl Operation for Fake {}"),
        source("crates/lock/src/acquire.rs", "impl connection::Operation for Acquire {"),
    ];
    let found = violations(&crates, &[source("tests/it/conformance.rs", conformance)]);
    assert_eq!(found.len(), refused.len(), "{found:?}");
    for (found, kind) in found.iter().zip(refused) {
        assert!(found.ends_with(kind), "{found}");
    }
}

#[test]
fn operations_are_named_by_type_or_by_name() {
    check("store.run(&Take::new()); store.run(&Acquire)", &[]);
    check("const ALL: &[&str] = &[\"ratelimit.take\"]; use Acquire", &[]);
}

#[test]
fn unnamed_operations_are_refused() {
    check("", &["Take", "Acquire"]);
    check("TakeAll, Acquire", &["Take"]);
}
