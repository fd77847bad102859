use super::Count;

fn count(lines: &[&str]) -> (u32, u32, Vec<String>) {
    let mut count = Count::default();
    lines.iter().for_each(|line| count.take(line));
    (count.passed, count.failed, count.names.into_iter().collect())
}

#[test]
fn nextest_is_understood() {
    let lines = [
        "        PASS [   0.007s] ( 1/27) redstart-connection redis::one",
        "        FAIL [  23.372s] (18/27) redstart-tests::fault cluster::two",
        "     TIMEOUT [ 120.003s] (19/27) redstart-tests::fault cluster::three",
        "     Summary [  68.992s] 27 tests run: 25 passed (1 slow), 1 failed, 1 timed out, 232 skipped",
        "        FAIL [  23.372s] (18/27) redstart-tests::fault cluster::two",
    ];
    assert_eq!(count(&lines), (25, 2, vec!["cluster::three".to_owned(), "cluster::two".to_owned()]));
}

#[test]
fn runner_of_cargo_is_understood() {
    let lines = [
        "test a::one ... ok",
        "test a::two ... FAILED",
        "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        "test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 57 filtered out; finished in 8.19s",
    ];
    assert_eq!(count(&lines), (5, 1, vec!["a::two".to_owned()]));
}
