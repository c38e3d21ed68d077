//! Among real Ceph daemons, where there are any.

use std::time::Duration;

use bytes::Bytes;
use firefly_runtime::wire::address::EntityType;
use tokio::time::timeout;

use super::client::{MonClient, MonitorArgs};
use super::cluster::Cluster;
use super::rados::Rados;

/// The longest that one of these tests may take.
const LIMIT: Duration = Duration::from_secs(120);

fn client(cluster: &Cluster) -> MonClient {
    let (monitor, keyring) = (cluster.monitor(), cluster.keyring());
    let args = MonitorArgs { monitor, keyring, name: "client.admin".into(), timeout: LIMIT.as_secs() };
    MonClient::start(&args, &[EntityType::OSD]).unwrap()
}

async fn commands_objects_and_restarts(auth: &str) {
    let Some(mut cluster) = Cluster::start(auth) else { return };
    let mut client = client(&cluster);
    let (result, says, output) = client.command(r#"{"prefix": "status", "format": "json"}"#).await.unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output).unwrap_or_else(|_| panic!("{result} {says}"));
    assert_eq!((result, &status["quorum_names"][0]), (0, &serde_json::json!("a")));
    let (result, says, _) = client.command(r#"{"prefix": "no such command"}"#).await.unwrap();
    assert_eq!((result, &*says), (-22, &b"command not known"[..]));

    // The monitor comes back at its address, and whoever asks again gets an answer.
    cluster.stop_mon();
    cluster.start_mon();
    let (result, _, _) = client.command(r#"{"prefix": "health"}"#).await.unwrap();
    assert_eq!(result, 0);
    assert_eq!(client.monmap.as_ref().unwrap().mon_addr.len(), 1);

    let mut rados = Rados::open(client, "data").await.unwrap();
    let data: Bytes = (0..5 << 20).map(|i: u32| (i * 7) as u8).collect::<Vec<u8>>().into();
    rados.write_full("large", data.clone()).await.unwrap();
    assert!(rados.read("large", data.len()).await.unwrap() == data);
    let empty = rados.write_full("empty", Bytes::new()).await;
    assert!(empty.is_ok() && rados.read("empty", 10).await.unwrap().is_empty());

    // The OSD comes back as another process. What it had in memory only nobody gets from it any more, so another pool
    // is used.
    let before = rados.osd.addr.clone();
    cluster.stop_osd();
    cluster.start_osd();
    let mut rados = Rados::open(rados.client, "after").await.unwrap();
    assert_ne!(rados.osd.addr, before);
    rados.write_full("after", data.slice(..1000)).await.unwrap();
    assert_eq!(rados.read("after", 2000).await.unwrap(), data.slice(..1000));
}

#[tokio::test]
async fn a_cluster_without_authentication_is_used_like_any_client_does() {
    timeout(LIMIT, commands_objects_and_restarts("none")).await.unwrap();
}

#[tokio::test]
async fn a_cluster_with_cephx_is_used_like_any_client_does() {
    timeout(LIMIT, commands_objects_and_restarts("cephx")).await.unwrap();
}

#[tokio::test]
async fn each_write_counts_once_whatever_the_osd_does_to_its_sockets() {
    let Some(cluster) = Cluster::start("cephx") else { return };
    let writes = async {
        let mut rados = Rados::open(client(&cluster), "data").await.unwrap();
        rados.write_full("journal", Bytes::new()).await.unwrap();
        cluster.configure_osd("ms_inject_socket_failures", "30");
        for i in 0..1000u32 {
            rados.append("journal", Bytes::copy_from_slice(&i.to_le_bytes())).await.unwrap();
        }
        let all = rados.read("journal", 8000).await.unwrap();
        let expected: Vec<u8> = (0..1000u32).flat_map(u32::to_le_bytes).collect();
        assert!(all == expected, "{} bytes", all.len());
        assert!(rados.repeats > 10, "only {} failures", rados.repeats);
    };
    timeout(LIMIT, writes).await.unwrap();
}
