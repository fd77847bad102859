//! Rules about what survives a crash, for those who examine a server.

use std::time::Duration;

use redstart_connection::Timestamp;

use super::{setting, truth};
use crate::{Facts, Rule, Unit};

const HOUR: f64 = 3_600.0;

const POINT_IN_TIME: &str = "CONFIG GET appendonly (+config|get)";

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "snapshot-age",
        "`rdb_last_save_time`, where there are changes since",
        "the last snapshot is old",
        "See why none was written (INFO persistence, the server's log), and write one; then copy dump.rdb to \
         another machine every day.",
    )
    .in_unit(Unit::Seconds)
    .by_command("redis-cli BGSAVE")
    .needing("snapshots that are turned on (CONFIG GET save), and INFO")
    .warns_beyond(26.0 * HOUR, 10)
    .critical_beyond(72.0 * HOUR, 25)
    .shown(|facts| {
        let (age, changes) = (age(facts)?, facts.server.as_ref()?.persistence.unsaved_changes);
        Some(format!("{} ago, {changes} changes since", Unit::Seconds.show(age.as_secs_f64())))
    })
    .measures(|facts| {
        let is_current = facts.server.as_ref()?.persistence.unsaved_changes == 0;
        age(facts).map(|age| if is_current { 0.0 } else { age.as_secs_f64() })
    }),
    Rule::new(
        "written-to-disk",
        "`save`, `appendonly`",
        "nothing is written to disk: after a restart the server is empty",
        "Turn on snapshots and the append-only file; leave them off only where everything can be loaded again.",
    )
    .by_command("redstart configure --for coordination")
    .needing("CONFIG GET save (+config|get)")
    .advises_beyond(0.0, 5)
    .shown(|facts| {
        let (save, append) = (setting(facts, "save")?, setting(facts, "appendonly")?);
        let save = if save.is_empty() { "off" } else { save };
        Some(format!("snapshots {save}, append-only file {append}"))
    })
    .measures(|facts| {
        truth(setting(facts, "save")?.is_empty() && setting(facts, "appendonly")? == "no")
    }),
    Rule::new(
        "append-sync",
        "`appendfsync`",
        "the append-only file is left to the operating system: a crash of the machine loses up to 30 seconds",
        "Set appendfsync to everysec: then a crash loses one second at most.",
    )
    .by_command("redis-cli CONFIG SET appendfsync everysec")
    .needing("an append-only file (CONFIG GET appendonly)")
    .warns_beyond(0.0, 10)
    .shown(|facts| setting(facts, "appendfsync").map(str::to_owned))
    .measures(|facts| match setting(facts, "appendonly")? {
        "yes" => truth(setting(facts, "appendfsync")? == "no"),
        _ => None,
    }),
    // What the append-only file can do for a recovery to a moment is a property of it, not an ailment.
    Rule::new(
        "point-in-time",
        "`appendonly`, `aof-timestamp-enabled`",
        "there is no way back to a moment between two snapshots",
        "Turn on the append-only file with timestamps. To go back, copy its folder, cut the copy at the moment \
         with redis-check-aof --truncate-to-timestamp, and start a server on it.",
    )
    .by_command("redis-cli CONFIG SET appendonly yes appendfsync everysec aof-timestamp-enabled yes")
    .needing(POINT_IN_TIME)
    .advises_beyond(0.0, 0)
    .shown(|facts| {
        let (append, stamped) = (setting(facts, "appendonly")?, setting(facts, "aof-timestamp-enabled"));
        Some(match (append, stamped) {
            ("yes", Some("yes")) => "the append-only file bears timestamps since its last rewrite".to_owned(),
            ("yes", _) => "the append-only file bears no timestamps".to_owned(),
            _ => "no append-only file".to_owned(),
        })
    })
    .measures(|facts| {
        let is_possible = setting(facts, "appendonly")? == "yes"
            && setting(facts, "aof-timestamp-enabled").is_none_or(|stamped| stamped == "yes");
        truth(!is_possible)
    }),
];

/// How old the last snapshot is, where snapshots are not turned off.
fn age(facts: &Facts) -> Option<Duration> {
    if setting(facts, "save").is_some_and(str::is_empty) {
        return None;
    }
    let last = facts.server.as_ref()?.persistence.last_snapshot;
    (last > 0).then(|| facts.now.since(Timestamp::from_micros(last.saturating_mul(1_000_000))))
}
