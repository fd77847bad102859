use redstart_connection::Error;

use super::*;

#[test]
fn an_answer_can_be_changed_and_nothing_else() {
    assert_eq!(Told::Known(2).map(|number| number + 1), Told::Known(3));
    assert_eq!(Told::<u8>::NotAllowed.map(|number| number + 1), Told::NotAllowed);
    assert_eq!((Told::Known(2).known(), Told::<u8>::NoAnswer.known()), (Some(&2), None));
}

#[test]
fn a_refused_question_is_no_error() {
    assert_eq!(Told::of(Ok(1)), Told::Known(1));
    assert_eq!(Told::<u8>::of(Err(Error::unsupported("no such command"))), Told::NotOffered);
    assert_eq!(Told::<u8>::of(Err(Error::protocol("odd"))), Told::NotOffered);
}

#[test]
fn the_answer_is_told_from_its_absence_in_json() {
    let json = |told: Told<u8>| serde_json::to_string(&told).unwrap();
    assert_eq!(json(Told::Known(1)), r#"{"answer":"known","value":1}"#);
    assert_eq!(json(Told::NotAllowed), r#"{"answer":"notAllowed"}"#);
}
