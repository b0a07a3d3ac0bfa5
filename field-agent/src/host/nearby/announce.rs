//! mDNS (RFC 6762, RFC 6763): tablets find each other without anybody typing an address. What is announced
//! says nothing about who or what: who it is, a tablet tells only to colleagues.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent, ServiceInfo};

use crate::agent::Agent;
use crate::agent::nearby::FoundBy;

const SERVICE: &str = "_double-random._tcp.local.";

/// Announces for as long as it is held.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    listening: tokio::task::JoinHandle<()>,
}

impl Announcement {
    /// `None` where the network does not allow it: addresses can still be typed.
    pub(super) fn start(agent: Arc<Agent>, bound: SocketAddr) -> Option<Announcement> {
        if bound.ip().is_loopback() {
            return None;
        }
        match announce(bound) {
            Ok((daemon, events, own)) => {
                let listening = tokio::spawn(listen(agent, events, own));
                Some(Announcement { daemon, listening })
            }
            Err(error) => {
                tracing::warn!(%error, "cannot announce on this network");
                None
            }
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        self.listening.abort();
        // A daemon that is gone already needs no goodbye.
        let _ = self.daemon.shutdown();
    }
}

type Events = mdns_sd::Receiver<ServiceEvent>;

fn announce(bound: SocketAddr) -> mdns_sd::Result<(ServiceDaemon, Events, String)> {
    let daemon = ServiceDaemon::new()?;
    // The tablet listens on IPv4; whoever found the other address would knock in vain.
    daemon.disable_interface(IfKind::IPv6)?;
    // A port is enough to be told apart on one machine; names of hosts and people stay out of it.
    let name = format!("tablet-{}-{}", std::process::id(), bound.port());
    let host = format!("{name}.local.");
    let info = ServiceInfo::new(SERVICE, &name, &host, "", bound.port(), &[("v", "1")][..])?;
    let own = info.get_fullname().to_owned();
    daemon.register(info.enable_addr_auto())?;
    let events = daemon.browse(SERVICE)?;
    Ok((daemon, events, own))
}

async fn listen(agent: Arc<Agent>, events: Events, own: String) {
    let mut known: HashMap<String, Vec<SocketAddr>> = HashMap::new();
    while let Ok(event) = events.recv_async().await {
        match event {
            ServiceEvent::ServiceResolved(service)
                if service.fullname != own && service.get_property_val_str("v") == Some("1") =>
            {
                let port = service.port;
                let addresses: Vec<SocketAddr> = service
                    .get_addresses_v4()
                    .into_iter()
                    .map(|ip| SocketAddr::from((ip, port)))
                    .collect();
                for address in &addresses {
                    agent.nearby_found(*address, FoundBy::Announced);
                }
                known.insert(service.fullname.clone(), addresses);
            }
            ServiceEvent::ServiceRemoved(_, name) => {
                for address in known.remove(&name).unwrap_or_default() {
                    agent.nearby_gone(address);
                }
            }
            _ => {}
        }
    }
}
