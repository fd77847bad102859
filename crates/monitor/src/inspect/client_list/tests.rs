use super::*;

const LIST: &str = "\
id=3 addr=127.0.0.1:51000 laddr=127.0.0.1:6379 fd=8 name=shop:api age=120 idle=0 flags=N db=0 tot-mem=20512 cmd=get user=api lib-name=redstart lib-ver=0.1.0
id=4 addr=127.0.0.1:51001 laddr=127.0.0.1:6379 fd=9 name=shop:api age=60 idle=12 flags=N db=0 tot-mem=1000 cmd=set user=api lib-name=redstart lib-ver=0.1.0
id=5 addr=127.0.0.1:51002 laddr=127.0.0.1:6379 fd=10 name= age=5 idle=5 flags=b db=0 tot-mem=7 cmd=blpop user=default redir=-1
";

#[test]
fn clients_of_a_kind_are_counted_together() {
    let list = ClientList::parse(LIST);
    assert_eq!((list.clients, list.blocked, list.groups.len()), (3, 1, 2));
    let shop = &list.groups[0];
    assert_eq!(
        (shop.name.as_str(), shop.library.as_str(), shop.user.as_str()),
        ("shop:api", "redstart", "api")
    );
    assert_eq!((shop.clients, shop.blocked, shop.bytes), (2, 0, 21_512));
    assert_eq!((shop.idle, shop.age), (Duration::from_secs(12), Duration::from_secs(120)));
    let json = serde_json::to_string(&list).unwrap();
    assert!(!json.contains("127.0.0.1") && json.contains(r#""idleSeconds":12.0"#), "{json}");
}

#[test]
fn any_text_is_a_list() {
    assert_eq!(ClientList::parse(""), ClientList::default());
    assert_eq!(ClientList::parse("= = x\u{fffd}\n\nid=").clients, 2);
    let many: String = (0..1_000).map(|nth| format!("id={nth} name=n{nth} flags=N\n")).collect();
    let list = ClientList::parse(&many);
    assert_eq!((list.clients, list.groups.len()), (1_000, MAX_GROUPS));
}
