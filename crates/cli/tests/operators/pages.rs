use std::fs;

use crate::{support::redstart, transcript};

#[test]
fn help_teaches_by_examples() {
    for command in ["ping", "doctor", "configure", "security", "completions", "man"] {
        let answer = redstart(&format!("{command} --help"), &[]);
        assert_eq!(answer.code, 0, "{answer:?}");
        assert!(answer.stdout.contains("Examples:\n  redstart "), "{command}: {}", answer.stdout);
    }
    let whole = redstart("--help", &[]);
    assert!(whole.stdout.contains("130  ended by Ctrl-C"), "{whole:?}");
}

#[test]
fn shells_complete_the_subcommands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = redstart(&format!("completions {shell}"), &[]);
        assert!(answer.code == 0 && answer.stdout.contains("doctor"), "{shell}: {answer:?}");
    }
    assert_eq!(redstart("completions dos", &[]).code, 2);
}

#[test]
fn every_subcommand_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let answer = redstart(&format!("man --out {}", folder.path().display()), &[]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let page = fs::read_to_string(folder.path().join("redstart-doctor.1")).expect("the page is there");
    assert!(page.starts_with(".ie") && page.contains("census"), "{page}");
    assert!(redstart("man", &[]).stdout.contains(".TH redstart 1"));
    let unwritable = redstart("man --out /proc/redstart", &[]);
    assert!(unwritable.code == 2 && unwritable.stderr.contains("/proc/redstart"), "{unwritable:?}");
}

#[test]
fn colours_are_for_terminals_and_those_who_ask() {
    let piped = redstart("doctor --quiet", &[]);
    assert!(!piped.text().contains('\u{1b}'), "{piped:?}");
    let asked = redstart("--color always doctor --quiet", &[]);
    assert!(asked.stdout.contains('\u{1b}'), "{asked:?}");
    let never = redstart("--color never doctor --quiet", &[("CLICOLOR_FORCE", "1")]);
    assert!(!never.text().contains('\u{1b}'), "{never:?}");
    let forbidden = redstart("doctor --quiet", &[("NO_COLOR", "1")]);
    assert!(!forbidden.text().contains('\u{1b}'), "{forbidden:?}");
}

#[test]
fn failure_names_what_is_wrong_and_what_would_be_right() {
    let line = "--environment moon doctor";
    let answer = transcript::check("failure", line, || redstart(line, &[("REDIS_POOL_SIZE", "many")]));
    assert_eq!(answer.code, 2, "{answer:?}");
}
