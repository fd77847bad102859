use std::{fs, path::PathBuf};

use bytes::Bytes;
use redstart_keys::Prefix;
use tempfile::TempDir;

use super::*;

fn header() -> Header {
    Header {
        form: FORM,
        program: "0.1.0".into(),
        begun_at: 1_700_000_000_000,
        source: "redis://127.0.0.1:6379/0".into(),
        server: "Redis 7.0".into(),
        prefix: "prod".into(),
        patterns: vec!["*".into()],
        left_out: vec!["lock".into()],
    }
}

fn record(number: u32) -> Record {
    Record {
        name: Name::of(&Prefix::none(), format!("cache:user:{{{number}}}").as_bytes()).unwrap(),
        expires_at: number.is_multiple_of(2).then_some(u64::from(number)),
        payload: Bytes::from(vec![b'x'; 100]),
    }
}

fn position(pattern: usize) -> Position {
    Position { pattern, walk: "7 127.0.0.1:6379".into(), run: Some("abc".into()) }
}

/// A finished backup of three chunks with ten keys each.
fn finished(folder: &TempDir) -> PathBuf {
    let place = folder.path().join("backup");
    let mut writer = Writer::create(&place, &header(), false).unwrap();
    for chunk in 0..3_u32 {
        (0..10).for_each(|number| writer.push(&record(chunk * 10 + number)));
        writer.flush(&position(chunk as usize)).unwrap();
    }
    writer.finish().unwrap();
    place
}

fn open(place: &std::path::Path) -> Result<Archive, ArchiveError> {
    Archive::open(place, |_, _| {})
}

#[test]
fn what_was_written_is_read() {
    let folder = TempDir::new().unwrap();
    let mut archive = open(&finished(&folder)).unwrap();
    assert_eq!((archive.totals().keys, archive.chunks(), archive.header()), (30, 3, &header()));
    let read: Vec<_> = (0..3).flat_map(|chunk| archive.records(chunk).unwrap()).collect();
    assert_eq!(read, (0..30).map(record).collect::<Vec<_>>());
}

#[test]
fn every_flipped_byte_is_found() {
    let folder = TempDir::new().unwrap();
    let place = finished(&folder);
    let whole = fs::read(&place).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&place, damaged).unwrap();
        assert!(open(&place).is_err(), "byte {at}");
    }
}

#[test]
fn every_cut_is_found_and_goes_on_after_the_last_whole_chunk() {
    let folder = TempDir::new().unwrap();
    let place = finished(&folder);
    let whole = fs::read(&place).unwrap();
    let part = part(&place);
    let begin = header_end(&whole);
    for end in (begin..whole.len()).step_by(7) {
        fs::remove_file(&place).ok();
        fs::write(&place, &whole[..end]).unwrap();
        assert!(matches!(open(&place), Err(ArchiveError::Unfinished { .. })), "cut at {end}");
        fs::rename(&place, &part).unwrap();
        let (mut writer, told, _) = Writer::resume(&place).unwrap();
        assert_eq!(told, header());
        let kept = u32::try_from(writer.keys()).unwrap();
        assert!(kept.is_multiple_of(10) && kept <= 30, "{kept} keys");
        (kept..30).for_each(|number| writer.push(&record(number)));
        writer.flush(&position(2)).unwrap();
        writer.finish().unwrap();
        let mut archive = open(&place).unwrap();
        let read: Vec<_> = (0..archive.chunks()).flat_map(|chunk| archive.records(chunk).unwrap()).collect();
        assert_eq!(read, (0..30).map(record).collect::<Vec<_>>(), "cut at {end}");
    }
}

fn header_end(whole: &[u8]) -> usize {
    let length = u32::from_le_bytes(whole[17..21].try_into().unwrap()) as usize;
    16 + 5 + length + 32
}

#[test]
fn position_after_a_cut_is_that_of_the_last_whole_chunk() {
    let folder = TempDir::new().unwrap();
    let place = finished(&folder);
    let whole = fs::read(&place).unwrap();
    fs::write(part(&place), &whole[..whole.len() - 200]).unwrap();
    let (writer, _, told) = Writer::resume(&place).unwrap();
    assert_eq!((writer.keys(), told), (20, position(1)));
}

#[test]
fn nothing_is_written_over_without_being_asked() {
    let folder = TempDir::new().unwrap();
    let place = finished(&folder);
    assert!(matches!(Writer::create(&place, &header(), false), Err(ArchiveError::Exists { .. })));
    assert!(Writer::create(&place, &header(), true).is_ok());
    assert!(open(&place).is_ok(), "the old one stands until the new one is whole");
}

#[test]
fn something_else_is_no_backup() {
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("other");
    for content in [&b""[..], b"REDIS0011", b"redstart backup\nnonsense"] {
        fs::write(&place, content).unwrap();
        assert!(matches!(open(&place), Err(ArchiveError::Foreign { .. })), "{content:?}");
    }
}

#[test]
fn name_goes_under_another_prefix() {
    let (old, new) = (Prefix::new("prod:ecom").unwrap(), Prefix::new("stage").unwrap());
    let moved = |wire: &str| Name::of(&old, wire.as_bytes()).map(|name| name.under(&new));
    assert_eq!(moved("prod:ecom:cache:user:{42}"), Some(b"stage:cache:user:{42}".to_vec()));
    assert_eq!(moved("{prod:ecom:cache:page:7}:g"), Some(b"{stage:cache:page:7}:g".to_vec()));
    assert_eq!(moved("prod:ecom:{a}"), Some(b"stage:{a}".to_vec()));
    assert_eq!(moved("other:cache:user:{42}"), None);
    let bare = Name::of(&Prefix::none(), b"{cache:page:7}:g").unwrap();
    assert_eq!(bare.under(&new), b"{stage:cache:page:7}:g");
    assert_eq!(bare.plain(), b"{cache:page:7}:g");
}

#[test]
fn order_of_a_table_is_no_difference() {
    let payload = |kind: u8, elements: &[&str]| {
        let mut payload = vec![kind, u8::try_from(elements.len()).unwrap()];
        for element in elements {
            payload.push(u8::try_from(element.len()).unwrap());
            payload.extend_from_slice(element.as_bytes());
        }
        payload.extend_from_slice(&[0; 10]);
        payload
    };
    assert!(is_same_value(&payload(2, &["a", "b"]), &payload(2, &["b", "a"])));
    assert!(!is_same_value(&payload(2, &["a", "b"]), &payload(2, &["a", "c"])));
    assert!(is_same_value(&payload(4, &["k", "1", "l", "2"]), &payload(4, &["l", "2", "k", "1"])));
    assert!(!is_same_value(&payload(4, &["k", "1", "l", "2"]), &payload(4, &["k", "2", "l", "1"])));
    assert!(!is_same_value(&payload(1, &["a", "b"]), &payload(1, &["b", "a"])), "a list has an order");
}
