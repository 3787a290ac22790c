use super::*;

#[test]
fn problems_have_the_documented_json() {
    for text in [
        r#"{"kind":"add","operands":[123,456]}"#,
        r#"{"kind":"order","operands":[8,3,2],"operators":["-","*"],"target":10}"#,
        r#"{"kind":"graph","modulus":23,"definitions":["c=a+20","a=5"],"query":"c"}"#,
    ] {
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&problem).unwrap(), text);
    }
}

#[test]
fn hostile_json_is_refused() {
    let env = Arithmetic::configure(&Difficulty::default()).unwrap();
    for text in [
        r#"{"kind":"pow","operands":[1,2]}"#,
        r#"{"kind":"add","operands":[1]}"#,
        r#"{"kind":"add","operands":[1,-2]}"#,
        r#"{"kind":"add","operands":[1,99999999999]}"#,
        r#"{"kind":"sub","operands":[1,2]}"#,
        r#"{"kind":"div","operands":[1,0]}"#,
        r#"{"kind":"order","operands":[8],"operators":[],"target":8}"#,
        r#"{"kind":"order","operands":[8,3],"operators":["-","*"],"target":10}"#,
        r#"{"kind":"order","operands":[8,300],"operators":["-"],"target":10}"#,
        r#"{"kind":"graph","modulus":0,"definitions":["a=5"],"query":"a"}"#,
        r#"{"kind":"graph","modulus":23,"definitions":["a=b+1","b=a+1"],"query":"a"}"#,
        r#"{"kind":"graph","modulus":23,"definitions":["a=300"],"query":"a"}"#,
        r#"{"kind":"graph","modulus":23,"definitions":[],"query":"é"}"#,
    ] {
        let is_fine = serde_json::from_str::<Problem>(text).is_ok_and(|problem| env.validate(&problem).is_ok());
        assert!(!is_fine, "{text}");
    }
}
