use super::*;

#[test]
fn a_path_is_exempt_with_what_lies_below() {
    let exempt = Exempt::default();
    for path in ["/healthz", "/readyz", "/metrics", "/docs", "/docs/", "/docs/index.html", "/openapi.json"] {
        assert!(exempt.is_exempt(path), "{path}");
    }
    for path in ["/", "/docsx", "/healthzz", "/api/docs", "/DOCS", "/openapi.json5"] {
        assert!(!exempt.is_exempt(path), "{path}");
    }
}

#[test]
fn the_root_is_exempt_alone() {
    let mut exempt = Exempt::default();
    exempt.add("/".into());
    exempt.add("/files/".into());
    assert!(exempt.is_exempt("/") && exempt.is_exempt("/files") && exempt.is_exempt("/files/x"));
    assert!(!exempt.is_exempt("/api"));
}

#[test]
fn a_path_that_may_mean_another_is_not_exempt() {
    for path in ["/docs/../api", "/docs/%2e%2e/api", "//docs", "/docs//x", "/docs/.%2e/api", "/docs\\..\\api"]
    {
        assert!(!Exempt::default().is_exempt(path), "{path}");
    }
}

#[test]
fn only_a_preflight_is_spared() {
    let request = |method: &str, names: &[&'static str]| {
        let mut request = http::Request::builder().method(method).uri("/api");
        for name in names {
            request = request.header(*name, "x");
        }
        request.body(()).unwrap().into_parts().0
    };
    let both: &[&str] = &["origin", "access-control-request-method"];
    assert!(Exempt::default().spares(&request("OPTIONS", both)));
    assert!(!Exempt::default().spares(&request("OPTIONS", &["origin"])));
    assert!(!Exempt::default().spares(&request("POST", both)));
}
