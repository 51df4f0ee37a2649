        // The last letter of a signature has unused bits: change the first.
        let (head, signature) = good.rsplit_once('.').unwrap();
        let swapped = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{head}.{swapped}{}", &signature[1..]);
        let expired = AUTHORITY.token(&json!({"org": {"id": "acme-eu"}, "exp": 1_700_000_000}));
        let other = AUTHORITY.token(&json!({"org": {"id": "acme-eu"}, "aud": "other"}));
        for (token, code) in [
            (forged, "invalid_token"),
            (expired, "invalid_token"),
            ("no token".to_owned(), "invalid_token"),
        ] {
            let ask = hello().header("x-id-token", &token);
            assert_refused(&stand.send(&ask).await, code);
            assert_eq!(stand.record(&ask).await["outcome"], "rejected");
        }
        // Envoy says 403 to a wrong audience.
        let ask = Ask::new("POST", "/v1/messages").header("x-id-token", &other);
        let answer = stand.send(&ask).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "invalid_token")
        );
        assert_eq!(answer.json()["type"], "error");
        let stranger = AUTHORITY.token(&json!({"org": {"id": "nobody"}}));
        let ask = hello().header("x-id-token", &stranger);
        assert_refused(&stand.send(&ask).await, "unknown_tenant");
        let silent = AUTHORITY.token(&json!({"sub": "bob"}));
        let ask = hello().header("x-id-token", &silent);
        assert_refused(&stand.send(&ask).await, "missing_credentials");
    });
}

#[test]
fn a_certificate_of_the_mesh_names_the_tenant() {
    run(async {
        for (id, tenant) in [
            ("spiffe://mesh.example/ns/acme/sa/web", "acme"),
            ("spiffe://mesh.example/ns/blue/sa/chat", "blue"),
        ] {
            // The SDK's placeholder counts as no key.
            for ask in [hello(), hello().key("unused")] {
                let answer = over_mesh(&ask, Some(id)).await.unwrap();
                assert_taken_for(&ask, &answer, [tenant, id, "spiffe"]).await;
            }
        }
        let other = over_mesh(&hello(), Some("spiffe://mesh.example/ns/blue/sa/other")).await;
        assert_refused(&other.unwrap(), "missing_credentials");
        assert!(
            over_mesh(&hello(), None).await.is_none(),
            "no certificate, no call"
        );
    });
}

#[test]
fn a_bad_key_does_not_fall_back_to_the_certificate() {
    run(async {
        let id = "spiffe://mesh.example/ns/acme/sa/web";
        let answer = over_mesh(&hello().key("wrong"), Some(id)).await.unwrap();
        assert_refused(&answer, "invalid_api_key");
    });
}

#[test]
fn a_trusted_hop_names_tenant_and_user() {
    run(async {
        let stand = stand().await;
        let named = || {
            hello()
                .header("x-portal-tenant", "blue")
                .header("x-portal-user", "carol")
        };
        let portal = "spiffe://mesh.example/ns/edge/sa/portal";
        let ask = named();
        let answer = over_mesh(&ask, Some(portal)).await.unwrap();
        assert_taken_for(&ask, &answer, ["blue", "carol", "hop"]).await;
        let received = stand.received(&ask).remove(0);
        assert!(!received.headers.contains_key("x-portal-tenant"));
        assert!(!received.headers.contains_key("x-portal-user"));
        let ask = named();
        let answer = ask.send(stand.envoy.port_of("internal")).await;
        assert_taken_for(&ask, &answer, ["blue", "carol", "hop"]).await;
        let unknown = hello().header("x-portal-tenant", "nobody");
        let answer = over_mesh(&unknown, Some(portal)).await.unwrap();
        assert_refused(&answer, "unknown_tenant");
    });
}

#[test]
fn nobody_else_can_use_a_hops_header() {
    run(async {
        let stand = stand().await;
        let ask = hello().header("x-portal-tenant", "blue");
        assert_refused(&stand.send(&ask).await, "missing_credentials");
        let ask = hello().header("x-portal-tenant", "blue");
        let id = "spiffe://mesh.example/ns/acme/sa/web";
        let answer = over_mesh(&ask, Some(id)).await.unwrap();
        assert_taken_for(&ask, &answer, ["acme", id, "spiffe"]).await;
        assert!(
            !stand.received(&ask)[0]
                .headers
                .contains_key("x-portal-tenant")
        );
    });
}

#[test]
fn body_fields_and_free_headers_name_nobody() {
    run(async {
        let stand = stand().await;
        let body = json!({"model": "smart", "user": "mallory", "tenant": "blue",
            "messages": [{"role": "user", "content": "hi"}]});
        let ask = Ask::chat(&body)
            .header("x-user", "mallory")
            .header("x-tenant", "blue");
        let answer = stand.send(&ask).await;
        assert_taken_for(&ask, &answer, ["acme", "alice", "key"]).await;
    });
}

#[test]
fn internal_and_private_headers_are_removed() {
    run(async {
        let stand = stand().await;
        let removed = [
            "x-envoy-max-retries",
            "x-envoy-upstream-rq-timeout-ms",
            "x-envoy-original-path",
            "x-tollgate-internal-cluster",
            "x-tollgate-anything",
            "cookie",
            "openai-organization",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-client-cert",
            "accept-encoding",
        ];
        let ask = hello()
            .key("demo-acme-key")
            .header("x-kept", "1")
            .header("openai-beta", "x");
        let ask = removed.iter().fold(ask, |ask, name| ask.header(name, "9"));
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!(answer.status, 200);
        for name in removed {
            assert!(!received.headers.contains_key(name), "{name}");
        }
        assert!(
            received.headers.contains_key("x-kept") && received.headers.contains_key("openai-beta")
        );
        let leaked = received
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-envoy"));
        assert_eq!(leaked.count(), 0);
    });
}
