//! Faults that no test may plant: a server's own words, recorded, through the same parser.

use redstart_monitor::{Facts, Health, Reach, Rfc3339, ServerInfo, Severity};

const RECORDED: &str = include_str!("../../../crates/monitor/src/info/fixtures/redis-7.0.txt");

/// The recorded answer with other values for these fields.
fn judged(changes: &[(&str, &str)]) -> Health {
    let line = |line: &str| {
        let (name, _) = line.split_once(':').unwrap_or((line, ""));
        let change = changes.iter().find(|(changed, _)| *changed == name);
        change.map_or_else(|| line.to_owned(), |(name, value)| format!("{name}:{value}"))
    };
    let text: Vec<_> = RECORDED.lines().map(line).collect();
    let mut facts = Facts::default();
    facts.reach = Reach::Answered;
    facts.server = Some(ServerInfo::parse(&text.join("\r\n")));
    Health::judge(&facts, Rfc3339::default())
}

#[test]
fn swapped_out() {
    let used = ("used_memory", "200000000");
    let with = |ratio| judged(&[used, ("maxmemory", "0"), ("mem_fragmentation_ratio", ratio)]);
    let sick = with("0.62");
    let issue = sick.issues.iter().find(|issue| issue.rule == "swap").expect("swap is found");
    assert_eq!(issue.severity, Severity::Critical);
    assert!(issue.remedy.contains("more memory"), "{}", issue.remedy);
    assert!(with("1.02").issues.is_empty());
}
