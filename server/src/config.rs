//! Configuration: by flags, environment (`DR_…`) or a JSON file, in this order of precedence.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::draw::drand;

/// How the server runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Everything that is kept: database, photos, keys.
    pub data: PathBuf,
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Certificate chain and key (PEM). Without them the server speaks plain HTTP, which is right
    /// only on the loopback or behind a proxy that speaks TLS.
    pub tls: Option<Tls>,
    /// Name of this office's journal in checkpoints, and of its signing key. No spaces, no `+`.
    pub name: String,
    /// This server's executable, which is also the child that judges changes (`admit-worker`).
    pub program: PathBuf,
    /// Address under which people reach this server, such as `https://ssj.example.gov.cn`; it stands in QR
    /// codes. Without it, what the browser asked for.
    pub public_url: Option<String>,
    /// Base addresses of drand nodes that are asked for a round; none: never over the network.
    pub drand: Vec<String>,
    /// Whether cookies are marked `Secure`; true with TLS, or behind a proxy that speaks it.
    pub secure_cookies: bool,
    /// Bytes of the disk that photos and clips leave free, so that records can still be written.
    pub reserve: u64,
}

/// What is left free unless the configuration says otherwise: 1 GiB.
const RESERVE_MIB: u64 = 1024;

/// Files of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tls {
    /// PEM, the server's certificate first.
    pub cert: PathBuf,
    /// PEM.
    pub key: PathBuf,
}

/// What a flag, the environment or a file may say.
#[derive(Debug, Clone, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Folder for everything that is kept (default: ./data).
    #[arg(long, env = "DR_DATA")]
    pub data: Option<PathBuf>,
    /// Address to listen on (default: 127.0.0.1:8080).
    #[arg(long, env = "DR_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Certificate chain, PEM; needs --tls-key.
    #[arg(long, env = "DR_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM.
    #[arg(long, env = "DR_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Name of this office's journal, e.g. sz.gov.cn/double-random.
    #[arg(long, env = "DR_NAME")]
    pub name: Option<String>,
    /// A proxy in front of this server speaks TLS: mark cookies Secure.
    #[arg(long, env = "DR_BEHIND_TLS", num_args = 0..=1, default_missing_value = "true")]
    pub behind_tls: Option<bool>,
    /// Address under which people reach this server, for QR codes, e.g. `https://ssj.example.gov.cn`
    #[arg(long, env = "DR_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Base addresses of drand nodes, separated by commas (default: four public ones).
    #[arg(long, env = "DR_DRAND", value_delimiter = ',')]
    pub drand: Option<Vec<String>>,
    /// Never ask the network for a drand round; it is pasted or read from a file.
    #[arg(long, env = "DR_NO_DRAND", num_args = 0..=1, default_missing_value = "true")]
    pub no_drand: Option<bool>,
    /// MiB of the disk that photos and clips leave free for the records (default: 1024).
    #[arg(long, env = "DR_RESERVE_MIB")]
    pub reserve_mib: Option<u64>,
}

impl Settings {
    /// Reads a JSON file with the same names as the flags, with underscores.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("configuration file {}", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("configuration file {}", path.display()))
    }

    /// These settings, and where they say nothing, the `other` ones.
    pub fn or(self, other: Self) -> Self {
        Self {
            data: self.data.or(other.data),
            listen: self.listen.or(other.listen),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            name: self.name.or(other.name),
            behind_tls: self.behind_tls.or(other.behind_tls),
            public_url: self.public_url.or(other.public_url),
            drand: self.drand.or(other.drand),
            no_drand: self.no_drand.or(other.no_drand),
            reserve_mib: self.reserve_mib.or(other.reserve_mib),
        }
    }

    /// Fills in the defaults and refuses what does not fit together.
    pub fn finish(self) -> anyhow::Result<Config> {
        let tls = match (self.tls_cert, self.tls_key) {
            (Some(cert), Some(key)) => Some(Tls { cert, key }),
            (None, None) => None,
            _ => bail!("--tls-cert and --tls-key belong together: give both or none"),
        };
        let name = self.name.unwrap_or_else(|| "double-random".into());
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            bail!("--name {name:?}: must not be empty or hold spaces or '+'");
        }
        let public_url = self
            .public_url
            .map(|url| url.trim_end_matches('/').to_owned());
        let drand = match (self.no_drand.unwrap_or(false), self.drand) {
            (true, _) => Vec::new(),
            (false, Some(nodes)) => nodes,
            (false, None) => drand::NODES.map(str::to_owned).to_vec(),
        };
        let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
        if let Some(url) = drand.iter().chain(&public_url).find(|url| !web(url)) {
            bail!("{url:?}: must begin with https:// or http://");
        }
        Ok(Config {
            public_url,
            drand,
            data: self.data.unwrap_or_else(|| "data".into()),
            listen: self
                .listen
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
            secure_cookies: tls.is_some() || self.behind_tls.unwrap_or(false),
            tls,
            name,
            program: std::env::current_exe().context("path of this executable")?,
            reserve: self
                .reserve_mib
                .unwrap_or(RESERVE_MIB)
                .saturating_mul(1 << 20),
        })
    }
}

impl Config {
    /// A server on a free port of the loopback with this data folder; what tests start.
    pub fn local(data: &Path) -> Self {
        Self {
            data: data.to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            name: "double-random".into(),
            program: program_beside_tests(),
            public_url: None,
            drand: Vec::new(),
            secure_cookies: false,
            reserve: RESERVE_MIB << 20,
        }
    }
}

/// The server executable that cargo built beside the running test.
fn program_beside_tests() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let profile = exe.ancestors().find(|dir| dir.join("server").is_file());
    profile.map_or_else(|| exe.clone(), |dir| dir.join("server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file() {
        let flags = Settings {
            name: Some("flag".into()),
            ..Settings::default()
        };
        let file: Settings =
            serde_json::from_str(r#"{"name":"file","listen":"0.0.0.0:9000"}"#).unwrap();
        let config = flags.or(file).finish().unwrap();
        assert_eq!((config.name.as_str(), config.listen.port()), ("flag", 9000));
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        assert!(serde_json::from_str::<Settings>(r#"{"lissten":"x"}"#).is_err());
    }

    #[test]
    fn a_certificate_without_its_key_is_refused() {
        let half = Settings {
            tls_cert: Some("c.pem".into()),
            ..Settings::default()
        };
        assert!(half.finish().is_err());
    }
}
