//! Enrolment: the tablet and its inspectors become known to the server (S2).

use axum::http::StatusCode;
use ed25519_dalek::SigningKey;
use serde::de::DeserializeOwned;
use sync::enrol as wire;
use zeroize::Zeroizing;

use super::status::ALL_CONFIRMED;
use super::{Agent, lock, storage};
use crate::api::Problem;
use crate::api::unlock::{AgentState, EnrolInspector, EnrolLookup, EnrolOffer, EnrolRequest};
use crate::ports::{FetchError, FetchRequest};
use crate::store;
use crate::vault::slot::Opened;
use crate::vault::{self, NewSlot};

/// Scheme and authority of a server address, without a path.
fn server_address(text: &str) -> Result<String, Problem> {
    let text = text.trim().trim_end_matches('/');
    let bad = || {
        Problem::field(
            "bad_server",
            "server",
            "服务器地址应为 https://…，例如 https://inspect.example.gov.cn。",
        )
    };
    let uri: axum::http::Uri = text.parse().map_err(|_| bad())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(bad());
    };
    let local = matches!(authority.host(), "127.0.0.1" | "localhost" | "[::1]");
    match scheme {
        "https" => {}
        "http" if local => {}
        _ => {
            return Err(Problem::field(
                "bad_server",
                "server",
                "除本机测试外，服务器地址必须以 https:// 开头。",
            ));
        }
    }
    Ok(format!("{scheme}://{authority}"))
}

/// What a person reads when the server cannot be reached.
pub(super) fn unreachable(error: &FetchError) -> Problem {
    let (code, text) = match error {
        FetchError::Offline(_) => ("offline", "连不上服务器，请检查网络和地址。"),
        FetchError::Stalled(_) => ("timeout", "服务器长时间没有回应，请稍后再试。"),
        FetchError::Certificate(_) => ("bad_certificate", "服务器证书不可信，请联系管理员。"),
        FetchError::BadAnswer(_) => ("bad_answer", "对方的回应不正确，请检查服务器地址。"),
    };
    tracing::info!(%error, "server");
    Problem::new(StatusCode::BAD_GATEWAY, code, text)
}

impl Agent {
    async fn post_json<T: DeserializeOwned>(
        &self,
        server: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Problem> {
        let request = FetchRequest {
            method: "POST",
            path: path.to_owned(),
            headers: vec![("content-type".into(), "application/json".into())],
            body,
            limit: 1 << 20,
        };
        let answer = self
            .fetch
            .fetch(server, request)
            .await
            .map_err(|e| unreachable(&e))?;
        if (200..300).contains(&answer.status) {
            return serde_json::from_slice(&answer.body)
                .map_err(|e| unreachable(&FetchError::BadAnswer(e.to_string())));
        }
        // The server's own words where it has some.
        let told: Option<Problem> = serde_json::from_slice::<serde_json::Value>(&answer.body)
            .ok()
            .and_then(|v| {
                Some(Problem::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    v.get("code")?.as_str()?,
                    v.get("detail")?.as_str()?,
                ))
            });
        Err(told.unwrap_or_else(|| {
            Problem::new(
                StatusCode::BAD_GATEWAY,
                "server_error",
                format!("服务器拒绝了请求（{}）。", answer.status),
            )
        }))
    }

    fn server_for(&self, given: &str) -> Result<String, Problem> {
        let given = given.trim();
        match (given.is_empty(), &self.default_server) {
            (true, Some(server)) => server_address(server),
            _ => server_address(given),
        }
    }

    async fn offer(&self, server: &str, code: &str) -> Result<wire::EnrolOffer, Problem> {
        let check = wire::EnrolCheck {
            code: code.trim().to_owned(),
        };
        let body = serde_json::to_vec(&check).map_err(|e| Problem::internal(&e))?;
        self.post_json(server, "/enrol/v1/check", body).await
    }

    /// For whom a code was issued.
    pub async fn enrol_lookup(&self, request: EnrolLookup) -> Result<EnrolOffer, Problem> {
        self.refuse_second_enrolment()?;
        let server = self.server_for(&request.server)?;
        let offer = self.offer(&server, &request.code).await?;
        let inspectors = offer.inspectors.into_iter().map(|i| EnrolInspector {
            person: i.person,
            name: i.name,
            unit: i.unit,
        });
        Ok(EnrolOffer {
            device_name: offer.device_name,
            inspectors: inspectors.collect(),
        })
    }

    fn refuse_second_enrolment(&self) -> Result<(), Problem> {
        if lock(&self.vault).get("device").map_err(storage)?.is_some() {
            return Err(Problem::conflict(
                "already_enrolled",
                "这台平板已经登记；更换人员请联系管理员。",
            ));
        }
        Ok(())
    }

    /// Makes the keys, registers their public halves, then lets the tablet be used.
    pub async fn enrol(&self, request: EnrolRequest) -> Result<AgentState, Problem> {
        self.refuse_second_enrolment()?;
        let server = self.server_for(&request.server)?;
        let offer = self.offer(&server, &request.code).await?;
        let mut pins = Vec::new();
        for inspector in &offer.inspectors {
            let pin = request.pins.iter().find(|p| p.person == inspector.person);
            let pin = pin.ok_or_else(|| {
                Problem::field(
                    "pin_missing",
                    &inspector.person,
                    format!("请 {} 设置 PIN。", inspector.name),
                )
            })?;
            vault::check_new_pin(&pin.pin).map_err(|e| {
                Problem::field(
                    "weak_pin",
                    &inspector.person,
                    format!("{}：{e}", inspector.name),
                )
            })?;
            pins.push(Zeroizing::new(pin.pin.clone()));
        }
        if offer.inspectors.is_empty() {
            return Err(Problem::field(
                "no_inspectors",
                "code",
                "这个登记码没有指定检查人员，请联系管理员。",
            ));
        }
        let (data_key, device) = self.enrolment_keys(&offer.server_key)?;
        let seeds: Vec<Zeroizing<[u8; 32]>> =
            offer.inspectors.iter().map(|_| self.random_key()).collect();
        let code = request.code.trim();
        let device_key = sync::signing::public(&device);
        let secrets: Vec<SigningKey> = seeds.iter().map(|s| SigningKey::from_bytes(s)).collect();
        let inspectors =
            offer
                .inspectors
                .iter()
                .zip(&secrets)
                .map(|(i, secret)| wire::EnrolledKey {
                    person: i.person.clone(),
                    key: sync::signing::public(secret),
                    proof: wire::proof(secret, code, &device_key, &i.person),
                });
        let body = wire::EnrolRequest {
            code: code.to_owned(),
            device_key,
            device_proof: wire::proof(&device, code, &device_key, ""),
            version: env!("CARGO_PKG_VERSION").into(),
            inspectors: inspectors.collect(),
        };
        let body = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
        let enrolled: wire::Enrolled = self.post_json(&server, "/enrol/v1", body).await?;
        if enrolled.server_key != offer.server_key {
            return Err(Problem::new(
                StatusCode::BAD_GATEWAY,
                "bad_answer",
                "服务器密钥前后不一致，登记已中止；请联系管理员。",
            ));
        }
        let slots: Vec<NewSlot<'_>> = offer
            .inspectors
            .iter()
            .zip(&pins)
            .zip(secrets.iter().zip(&seeds))
            .map(|((i, pin), (secret, seed))| NewSlot {
                person: &i.person,
                name: &i.name,
                unit: &i.unit,
                certificate: "",
                pin,
                public_key: secret.verifying_key().to_bytes(),
                signing_seed: seed,
            })
            .collect();
        {
            let mut vault = lock(&self.vault);
            let mut random = lock(&self.random);
            vault
                .set_slots(&slots, &data_key, self.pin_cost, random.as_mut())
                .map_err(|e| Problem::internal(&e))?;
            vault.set("server", &server).map_err(storage)?;
            vault.unset("wiped_at").map_err(storage)?;
            vault
                .set("device_name", &offer.device_name)
                .map_err(storage)?;
            vault
                .set(
                    "clock_offset_ms",
                    &(enrolled.server_time - self.now()).to_string(),
                )
                .map_err(storage)?;
            vault
                .set(ALL_CONFIRMED, &enrolled.server_time.to_string())
                .map_err(storage)?;
            // Last: only with this is the tablet enrolled. A crash before it lets enrolment be repeated
            // with a new code.
            vault
                .set("device", &enrolled.device.to_string())
                .map_err(storage)?;
        }
        self.open_store(&Opened {
            data_key: *data_key,
            signing_seed: [0; 32],
        })?;
        self.note("enrolled");
        self.touch();
        self.wake_urgently();
        self.state(None)
    }

    fn random_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        self.fill(key.as_mut_slice());
        key
    }

    /// A fresh store with a fresh device key. What an enrolment that failed left behind is put aside:
    /// nobody has its key.
    fn enrolment_keys(
        &self,
        server_key: &sync::ids::Key,
    ) -> Result<(Zeroizing<[u8; 32]>, SigningKey), Problem> {
        let path = self.data.join("store.sqlite");
        if path.exists() {
            let aside = self
                .data
                .join(format!("store-unused-{}.sqlite", self.now()));
            std::fs::rename(&path, aside).map_err(|e| Problem::internal(&e))?;
            for suffix in ["store.sqlite-wal", "store.sqlite-shm"] {
                let _ = std::fs::remove_file(self.data.join(suffix));
            }
        }
        let (data_key, seed) = (self.random_key(), self.random_key());
        let db = store::open(&path, &data_key).map_err(|e| Problem::internal(&e))?;
        store::set_meta(&db, "device_seed", seed.as_slice()).map_err(storage)?;
        store::set_meta(&db, "server_key", &server_key.0).map_err(storage)?;
        Ok((data_key, SigningKey::from_bytes(&seed)))
    }
}
