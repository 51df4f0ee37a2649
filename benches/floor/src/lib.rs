/*! What no proxy-wasm filter like Tollgate can be cheaper than: the host calls that one chat call
makes through `envoy/gateway.yaml` (in the same callbacks, with texts of about the same length), by a
filter that reads nothing and decides nothing. `make bench` measures it as `floor`.

It goes with that file alone: cluster, path and length are set to what they are there. */

use proxy_wasm::hostcalls::{
    define_metric, get_current_time, get_shared_data, increment_metric, record_metric,
    set_shared_data,
};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MetricType};

const TOTALS: &str = "tollgate/1/tollgate/totals/acme/smart";
const RECORD: &str = r#","tollgate":{"request_id":"00000000-0000-0000-0000-000000000000","tenant":"acme","tier":"premium","user":"","via":"key","key_label":"demo","operation":"chat","model":"smart","backend":"mock","target_model":"gpt-5.1","attempts":1,"stream":false,"status":200,"outcome":"ok","input_tokens":9,"output_tokens":3,"cached_tokens":0,"reasoning_tokens":0,"usage":"reported","duration_ms":1}"#;
/// Bytes of the body that are replaced: as far as the name of the model.
const FRONT: usize = 32;

#[derive(Default)]
struct Root {
    counters: Vec<u32>,
    histograms: Vec<u32>,
}

struct Call {
    counters: Vec<u32>,
    histograms: Vec<u32>,
    size: usize,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let metric = |kind, name: String| define_metric(kind, &name).unwrap_or(0);
        let counter = |number: u32| metric(MetricType::Counter, format!("floor_counter_{number}"));
        let histogram = |number: u32| metric(MetricType::Histogram, format!("floor_{number}"));
        self.counters = (0..4).map(counter).collect();
        self.histograms = (0..3).map(histogram).collect();
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let _now = get_current_time();
        Some(Box::new(Call {
            counters: self.counters.clone(),
            histograms: self.histograms.clone(),
            size: 0,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Call {}

impl HttpContext for Call {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let _headers = self.get_http_request_headers_bytes();
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !end {
            return Action::Pause;
        }
        let body = self.get_http_request_body(0, size).unwrap_or_default();
        self.remove_http_request_header("authorization");
        for (name, value) in [
            (":path", "/v1/chat/completions"),
            (":authority", "mock.provider"),
            ("x-tollgate-internal-cluster", "provider"),
            ("content-length", size.to_string().as_str()),
        ] {
            self.set_http_request_header(name, Some(value));
        }
        let front = body.get(..FRONT).unwrap_or(&body);
        self.set_http_request_body(0, front.len(), front);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        let _headers = self.get_http_response_headers_bytes();
        self.remove_http_response_header("x-envoy-upstream-service-time");
        for (name, value) in [
            ("x-tollgate-backend", "mock"),
            ("x-tollgate-attempts", "1"),
            ("x-tollgate-model", "gpt-5.1"),
        ] {
            self.set_http_response_header(name, Some(value));
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _end: bool) -> Action {
        if size > 0 {
            let piece = self.get_http_response_body(0, size).unwrap_or_default();
            self.size = self.size.saturating_add(piece.len());
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        let known = get_shared_data(TOTALS).ok();
        let (value, version) = known.unwrap_or_default();
        let value = value.unwrap_or_else(|| vec![0; 145]);
        let _written = set_shared_data(TOTALS, Some(&value), version);
        let _now = get_current_time();
        for counter in &self.counters {
            let _counted = increment_metric(*counter, 1);
        }
        for histogram in &self.histograms {
            let _recorded = record_metric(*histogram, 1);
        }
        let record = RECORD.get(r#","tollgate":"#.len()..).unwrap_or_default();
        self.set_property(vec!["tollgate.record"], Some(record.as_bytes()));
        self.set_property(vec!["tollgate.log"], Some(RECORD.as_bytes()));
    }
}

/// The entry point: hosts look for it by a fixed name, which Rust counts as unsafe.
#[allow(unsafe_code, missing_docs)]
mod entry {
    use super::Root;

    proxy_wasm::main! {{
        proxy_wasm::set_log_level(proxy_wasm::types::LogLevel::Info);
        proxy_wasm::set_root_context(|_| Box::new(Root::default()));
    }}
}
