/*! Who is calling: keys, tokens signed here, certificates made here, trusted hops. */

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tollgate_tests::{Answer, Ask, Config, Stand, run};

/// The mesh's certificate authority and the issuer of tokens.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    token_key: EcdsaKeyPair,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "mesh authority");
    let random = ring::rand::SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    Authority {
        issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
        token_key: EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).unwrap(),
    }
});

impl Authority {
    fn certificate(&self, name: SanType) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.subject_alt_names.push(name);
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn write_files(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
        write("ca.pem", self.issuer.pem());
        let (server, key) = self.certificate(SanType::DnsName("gateway.test".try_into().unwrap()));
        write("server.pem", server.pem());
        write("server.key", key.serialize_pem());
        write("jwks.json", self.jwks().to_string());
    }

    fn jwks(&self) -> Value {
        let point = self.token_key.public_key().as_ref();
        json!({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1",
            "x": base64url(&point[1..33]), "y": base64url(&point[33..65])}]})
    }

    fn token(&self, claims: &Value) -> String {
        let mut all = json!({"iss": "https://login.company.example", "aud": "tollgate",
            "exp": 4_000_000_000_u64});
        all.as_object_mut()
            .unwrap()
            .extend(claims.as_object().unwrap().clone());
        let head = json!({"alg": "ES256", "kid": "1"}).to_string();
        let text = format!(
            "{}.{}",
            base64url(head.as_bytes()),
            base64url(all.to_string().as_bytes())
        );
        let random = ring::rand::SystemRandom::new();
        let signature = self.token_key.sign(&random, text.as_bytes()).unwrap();
        format!("{text}.{}", base64url(signature.as_ref()))
    }
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let letter = |bits: u32| char::from(LETTERS[(bits & 63) as usize]);
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        (0..=chunk.len()).for_each(|at| out.push(letter(word >> (18 - 6 * at))));
    }
    out
}

static STAND: OnceCell<Stand> = OnceCell::const_new();

async fn stand() -> &'static Stand {
    STAND
        .get_or_init(async || {
            // Lives as long as the Envoy that reads it: the test process.
            let folder = tempfile::TempDir::new().unwrap().keep();
            AUTHORITY.write_files(&folder);
            let config = Config::shipped("identity.yaml")
                .replace("port_value: 10001", "port_value: 0")
                .replace("port_value: 10002", "port_value: 0")
                .replace(
                    "filename: identity/",
                    &format!("filename: {}/", folder.display()),
                );
            Stand::start(config).await
        })
        .await
}

fn hello() -> Ask {
    let body = json!({"model": "smart", "messages": [{"role": "user", "content": "hi"}]});
    Ask::chat(&body).without("authorization")
}

/// Makes a request over TLS with a certificate for `id`, or with none.
async fn over_mesh(ask: &Ask, id: Option<&str>) -> Option<Answer> {
    let mut roots = RootCertStore::empty();
    roots.add(AUTHORITY.issuer.der().clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots);
    let config = match id {
        Some(id) => {
            let (certificate, key) = AUTHORITY.certificate(SanType::URI(id.try_into().unwrap()));
            let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let port = stand().await.envoy.port_of("mesh");
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let name = "gateway.test".try_into().unwrap();
    let socket = connector.connect(name, socket).await.ok()?;
    ask.send_on(socket).await
}

/// Who a call was taken for: tenant, user, way.
async fn taken_for(ask: &Ask) -> [String; 3] {
    let record = stand().await.record(ask).await;
    ["tenant", "user", "via"].map(|field| record[field].as_str().unwrap().to_owned())
}

async fn assert_taken_for(ask: &Ask, answer: &Answer, who: [&str; 3]) {
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(taken_for(ask).await, who);
}

fn assert_refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.code().as_str()), (401, code));
}

#[test]
fn keys_in_either_header() {
    run(async {
        let stand = stand().await;
        for ask in [
            hello().key("demo-acme-key"),
            hello().header("authorization", "bearer  demo-acme-key"),
            hello().header("x-api-key", "demo-acme-key"),
            hello()
                .key("demo-acme-key")
                .header("x-api-key", "demo-acme-key"),
            hello().key("unused").header("x-api-key", "demo-acme-key"),
        ] {
            let (answer, received) = stand.pass(&ask).await;
            assert_taken_for(&ask, &answer, ["acme", "alice", "key"]).await;
            let all = format!("{received:?}");
            assert!(
                !all.contains("demo-acme-key"),
                "the key reached the provider: {all}"
            );
        }
    });
}

#[test]
fn bad_keys_are_refused() {
    run(async {
        let stand = stand().await;
        for (ask, code) in [
            (hello(), "missing_credentials"),
            (hello().key("unused"), "missing_credentials"),
            (hello().key("wrong"), "invalid_api_key"),
            (hello().key(""), "unsupported_authorization"),
            (hello().key("demo-old-key"), "expired_api_key"),
            (
                hello().header("authorization", "Basic ZGVtbw=="),
                "unsupported_authorization",
            ),
            (
                hello().key("demo-acme-key").header("x-api-key", "other"),
                "conflicting_credentials",
            ),
            (
                hello()
                    .key("demo-acme-key")
                    .add_header("authorization", "Bearer other"),
                // Envoy joins the two to one value.
                "invalid_api_key",
            ),
        ] {
            assert_refused(&stand.send(&ask).await, code);
            assert!(stand.received(&ask).is_empty(), "{code}");
        }
    });
}

#[test]
fn strangers_send_no_body() {
    run(async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let port = stand().await.envoy.port();
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The head alone, of a body that never comes: the answer does not wait for it.
        let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
    });
}

#[test]
fn a_verified_token_names_tenant_and_user() {
    run(async {
        let stand = stand().await;
        for (org, tenant) in [("acme-eu", "acme"), ("acme-us", "acme"), ("blue", "blue")] {
            let token = AUTHORITY.token(&json!({"org": {"id": org}, "sub": "bob"}));
            let ask = hello().header("x-id-token", &token);
            let (answer, received) = stand.pass(&ask).await;
            assert_taken_for(&ask, &answer, [tenant, "bob", "jwt"]).await;
            assert!(!format!("{received:?}").contains(&token));
        }
    });
}

#[test]
fn bad_tokens_are_refused_in_the_callers_protocol() {
    run(async {
        let stand = stand().await;
        let good = AUTHORITY.token(&json!({"org": {"id": "acme-eu"}}));
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
        // A good token that names nobody is not passed over for another way.
        for claims in [
            json!({"sub": "bob"}),
            json!({"org": {"id": ""}}),
            json!({"org": {"id": 42}}),
            json!({"org": {"id": 123_456_789_012_u64}}),
            json!({"org": {"id": true}}),
            json!({"org": {"id": ["acme-eu"]}}),
            json!({"org": {"id": null}}),
            json!({"org": "acme-eu"}),
            json!({"org": {"id": "acme"}}),
        ] {
            let token = AUTHORITY.token(&claims);
            let ask = hello().header("x-id-token", &token).key("demo-acme-key");
            assert_refused(&stand.send(&ask).await, "unknown_tenant");
        }
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
            "api-key",
            "x-goog-api-key",
            "x-amz-security-token",
            "x-client-ip",
            "x-forwarded-client-cert",
            "accept-encoding",
        ];
        let ask = hello()
            .key("demo-acme-key")
            .header("x-kept", "1")
            .header("openai-beta", "x");
        let ask = ask.path("/v1/chat/completions?api-version=1&key=secret");
        let ask = removed.iter().fold(ask, |ask, name| ask.header(name, "9"));
        let (answer, received) = stand.pass(&ask).await;
        assert_eq!(answer.status, 200);
        assert_eq!(received.line, "POST /v1/chat/completions");
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
