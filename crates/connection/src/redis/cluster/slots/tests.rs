use super::*;

fn bulk(text: &str) -> Value {
    Value::BulkString(text.as_bytes().to_vec())
}

#[test]
fn slots_are_those_of_the_server() {
    // From `CLUSTER KEYSLOT`.
    for (name, slot) in
        [("foo", 12182), ("{foo}.bar", 12182), ("a{foo}b{bar}", 12182), ("foo{}{bar}", 8363), ("", 0)]
    {
        assert_eq!(slot_of(name.as_bytes()), slot, "{name}");
    }
    assert_eq!(slot_of(b"{unclosed"), slot_of(b"{unclosed"));
    assert_ne!(slot_of(b"{a"), slot_of(b"a"));
}

#[test]
fn answer_is_read_with_all_its_ways_to_leave_a_host_out() {
    let asked = Address::tcp("10.0.0.1", 7000);
    let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), bulk("id")]);
    let answer = Value::Array(vec![
        Value::Array(vec![
            Value::Int(0),
            Value::Int(99),
            node(bulk("10.0.0.2"), 7001),
            node(bulk("10.0.0.3"), 7002),
        ]),
        Value::Array(vec![Value::Int(100), Value::Int(16383), node(Value::Nil, 7003)]),
        Value::Array(vec![Value::Int(5), Value::Int(5), node(bulk(""), 7004)]),
    ]);
    let ranges = parse(&answer, &asked).expect("it makes sense");
    assert_eq!(ranges[0].owner, Address::tcp("10.0.0.2", 7001));
    assert_eq!(ranges[0].replicas, [Address::tcp("10.0.0.3", 7002)]);
    assert_eq!(ranges[1].owner, Address::tcp("10.0.0.1", 7003));
    assert_eq!(ranges[2].owner, Address::tcp("10.0.0.1", 7004));
    for odd in [
        Value::Nil,
        Value::Array(vec![Value::Int(1)]),
        Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(16384), node(bulk("a"), 1)])]),
        Value::Array(vec![Value::Array(vec![Value::Int(0), Value::Int(1), node(bulk("a"), 70_000)])]),
    ] {
        assert_eq!(parse(&odd, &asked), None, "{odd:?}");
    }
}
