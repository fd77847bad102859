use super::Node;

fn node(line: &str) -> Node {
    Node::parse(line).expect("a node")
}

#[test]
fn master_with_a_slot_on_the_move_owns_it() {
    let node = node(
        "07c3 127.0.0.1:7000@7100,host myself,master - 0 1426238317239 4 connected 0-5460 5470 [77->-292f]",
    );
    assert_eq!((node.owns(77), node.owns(5460), node.owns(5470), node.owns(5461)), (true, true, true, false));
    assert_eq!((node.epoch, node.address.unwrap().port(), node.is_in_doubt()), (4, 7000, false));
}

#[test]
fn missed_replica_is_in_doubt() {
    let node = node("e7d1 127.0.0.1:7004@7104 slave,fail? 07c3 1426238316232 0 4 connected");
    assert_eq!((node.follows.as_deref(), node.is_master, node.is_in_doubt()), (Some("07c3"), false, true));
}

#[test]
fn stranger_without_an_address_is_read() {
    let node = node("6ec2 :0@0 master,noaddr - 1426238316232 1426238316232 0 disconnected");
    assert_eq!((node.address, node.is_in_doubt()), (None, true));
}
