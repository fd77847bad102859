use super::*;

#[test]
fn decoy_costs_as_much_as_a_real_password() {
    let cost = |hash: &str| {
        let hash = PasswordHash::new(hash).unwrap();
        (hash.algorithm.to_string(), hash.version, hash.params.to_string(), hash.hash.unwrap().len())
    };
    assert_eq!(cost(DECOY), cost(&sample_hash("password").unwrap()));
}

#[tokio::test]
async fn only_the_password_of_an_account_is_right() {
    let hash = sample_hash("password").unwrap();
    assert!(is_right("password".to_owned(), Some(hash.clone())).await);
    assert!(!is_right("Password".to_owned(), Some(hash)).await);
    assert!(!is_right("password".to_owned(), None).await);
}
