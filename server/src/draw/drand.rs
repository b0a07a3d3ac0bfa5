//! Rounds of drand quicknet from outside: what a node says is read here and trusted in nothing; whether
//! the signature is that of the round, the crate `draw` decides without the network.

use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;

use crate::error::AppError;

/// Public nodes that are asked one after another, unless the configuration names others.
pub const NODES: [&str; 4] = [
    "https://api.drand.sh",
    "https://api2.drand.sh",
    "https://api3.drand.sh",
    "https://drand.cloudflare.com",
];
/// How long one node may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of a node is longer, in bytes.
const LONGEST: usize = 4096;

/// A round as a node tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beacon {
    /// Its number, where it was said.
    pub round: Option<u64>,
    /// 96 lower-case hexadecimal digits.
    pub signature: String,
}

#[derive(Deserialize)]
struct Told {
    round: u64,
    signature: String,
}

/// Reads the JSON of a node's public API, or the signature alone.
///
/// # Errors
/// What is wrong, in words of the office.
pub fn read(text: &str) -> Result<Beacon, String> {
    let text = text.trim();
    let (round, signature) = if text.starts_with('{') {
        let told: Told = serde_json::from_str(text)
            .map_err(|_| "不是 drand 公共接口的 JSON：须有 round 和 signature 两项".to_owned())?;
        (Some(told.round), told.signature)
    } else {
        (None, text.to_owned())
    };
    let signature = signature.to_ascii_lowercase();
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if signature.len() != 96 || !signature.bytes().all(hex) {
        return Err("签名须为 96 位十六进制".into());
    }
    Ok(Beacon { round, signature })
}

/// Asks the nodes one after another; the first right answer counts.
///
/// # Errors
/// `drand_off` where the configuration forbids it, `drand_unreachable` where no node gave the round.
pub async fn fetch(nodes: &[String], round: u64) -> Result<Beacon, AppError> {
    if nodes.is_empty() {
        return Err(AppError::conflict(
            "drand_off",
            "服务器设置为不联网取 drand：请在能上网的电脑上取得这一轮，粘贴或选择文件",
        ));
    }
    let client = Client::builder()
        .timeout(PATIENCE)
        .build()
        .map_err(AppError::internal)?;
    for node in nodes {
        match ask(&client, node, round).await {
            Ok(beacon)
                if beacon.round == Some(round)
                    && ::draw::is_round_signature(round, &beacon.signature) =>
            {
                return Ok(beacon);
            }
            Ok(_) => tracing::warn!(
                node,
                round,
                "the node's answer is not the round's signature"
            ),
            Err(why) => tracing::warn!(node, round, why, "a drand node did not answer"),
        }
    }
    Err(AppError::conflict(
        "drand_unreachable",
        format!(
            "服务器没有从公共节点取到 drand 第 {round} 轮：请检查网络后重试，或在能上网的电脑上取得后粘贴"
        ),
    ))
}

async fn ask(client: &Client, node: &str, round: u64) -> Result<Beacon, String> {
    let node = node.trim_end_matches('/');
    let url = format!("{node}/{}/public/{round}", ::draw::QUICKNET);
    let mut answer = client
        .get(url)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|e| e.to_string())? {
        if bytes.len() + chunk.len() > LONGEST {
            return Err("the answer is too long".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    read(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

    #[rstest::rstest]
    #[case::of_a_node(
        &format!(r#"{{"round":123,"randomness":"00","signature":"{SIGNATURE}"}}"#), Some(Some(123)))]
    #[case::alone(&format!("  {SIGNATURE}\n"), Some(None))]
    #[case::capitals(&SIGNATURE.to_uppercase(), Some(None))]
    #[case::short(&SIGNATURE[1..], None)]
    #[case::no_signature(r#"{"round":123}"#, None)]
    #[case::negative(r#"{"round":-1,"signature":""}"#, None)]
    #[case::nothing("", None)]
    fn a_round_is_read(#[case] text: &str, #[case] expected: Option<Option<u64>>) {
        let read = read(text).ok();
        assert_eq!(read.as_ref().map(|b| b.round), expected);
        if let Some(beacon) = read {
            assert_eq!(beacon.signature, SIGNATURE);
        }
    }
}
