use super::*;

#[test]
fn the_defaults_are_those_of_the_specification() {
    let criteria = Criteria::default();
    let bounds: Vec<_> =
        criteria.iter().map(|criterion| (criterion.name.as_str(), criterion.bound)).collect();
    let expected = [
        ("rejected-requests", 0.01),
        ("server-errors", 0.005),
        ("request-p95", 0.22),
        ("limiter-errors", 0.0),
        ("redis-p95", 0.01),
        ("redis-pool", 0.8),
        ("failover", 30.0),
        ("database-pool", 0.75),
    ];
    assert_eq!(bounds, expected);
    assert!(criteria.iter().all(|criterion| criterion.hold == Duration::from_secs(6 * 3_600)));
    let last = criteria.at_stage("last").unwrap();
    assert!(last.iter().all(|criterion| criterion.hold == Duration::from_secs(2 * 3_600)));
    let names: Vec<_> = last.attested().iter().map(|attested| attested.name.as_str()).collect();
    assert_eq!(names, ["persistence", "failover-drill", "jwt-replay", "cors", "external-fallback"]);
}

#[test]
fn testers_are_left_out_of_every_question() {
    let query = crate::query::Promql { window: "5m", by: "", only: "job=\"shop\"" };
    let criteria = Criteria::default();
    let pool = criteria.iter().find(|criterion| criterion.name == "redis-pool").unwrap();
    assert_eq!(query.write(&pool.query), r#"max(redis_pool_utilization{job="shop",audience!="tester"})"#);
}

#[test]
fn what_is_wrong_with_a_file_is_told() {
    let criterion = |ask: &str, bound: &str| {
        format!("hold = \"1m\"\n[[criterion]]\nname = \"x\"\nquestion = \"?\"\nask = {ask}\n{bound}\n")
    };
    for (text, problem) in [
        (String::new(), "missing field `hold`"),
        (
            "hold = \"6 hrs of sun\"".to_owned(),
            "hold: \"6 hrs of sun\" is no duration; right would be 6h, or 90s",
        ),
        ("hold = \"1m\"\nhodl = 1".to_owned(), "unknown field `hodl`"),
        (
            criterion("{ largest = \"a\" }", ""),
            "criterion \"x\": it needs one bound: at_most, below or at_least",
        ),
        (criterion("{ largest = \"a\" }", "at_most = 1\nbelow = 2"), "it needs one bound"),
        (criterion("{ biggest = \"a\" }", "at_most = 1"), "unknown variant `biggest`"),
        (
            criterion("{ largest = \"a{x}\" }", "at_most = 1"),
            "\"a{x}\" is no selector; right would be name{label=\"value\"}",
        ),
        (criterion("{ largest = \"a b\" }", "at_most = 1"), "is no selector"),
        (criterion("{ quantile = { share = 95, of = \"a\" } }", "at_most = 1"), "between 0 and 1"),
    ] {
        let error = Criteria::parse(&text).unwrap_err().to_string();
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn evidence_needs_an_address() {
    assert!(Evidence::of_instances([], Duration::ZERO).is_err());
    assert!(Evidence::of_instances(["127.0.0.1:3000"], Duration::ZERO).is_err());
    for address in ["http://127.0.0.1:3000", "http://127.0.0.1:3000/", "http://127.0.0.1:3000/metrics"] {
        let Evidence(Source::Instances { pages, .. }) =
            Evidence::of_instances([address], Duration::ZERO).unwrap()
        else {
            panic!("they are instances")
        };
        assert_eq!(pages[0].to_string(), "http://127.0.0.1:3000/metrics");
    }
}

#[test]
fn word_without_proof_is_none() {
    let attested = |holds, by: &str, evidence: &str| {
        let text = format!(
            "hold = \"1m\"\n[[attested]]\nname = \"a\"\nquestion = \"?\"\nholds = {holds}\nby = \"{by}\"\nevidence = \"{evidence}\""
        );
        Criteria::parse(&text).unwrap().attested()[0].judge().verdict
    };
    assert_eq!(attested(true, "Ada", "run 42"), Verdict::Go);
    assert_eq!(attested(true, "Ada", " "), Verdict::NoEvidence);
    assert_eq!(attested(true, "", "run 42"), Verdict::NoEvidence);
    assert_eq!(attested(false, "Ada", "run 42"), Verdict::NoGo);
}

#[test]
fn report_is_a_table_with_the_verdict_below() {
    let row = |name: &str, verdict| GateRow {
        name: name.to_owned(),
        question: String::new(),
        verdict,
        bound: "at most 1.0 %".to_owned(),
        evidence: "at worst 0.2 % over 6h".to_owned(),
    };
    let mut report = GateReport { rows: vec![row("pool", Verdict::Go), row("requests", Verdict::Go)] };
    assert!(report.is_go());
    assert_eq!(
        report.to_string(),
        "pool      go           at most 1.0 %  at worst 0.2 % over 6h\n\
         requests  go           at most 1.0 %  at worst 0.2 % over 6h\n\n\
         GO: all 2 criteria hold"
    );
    report.rows[1].verdict = Verdict::TooShort;
    assert!(!report.is_go() && report.to_string().ends_with("NO-GO: 1 of 2 criteria don't hold"));
    assert!(!GateReport { rows: Vec::new() }.is_go());
}
