//! What Firefly's processes said, recorded on a cluster that was thrown away, keys and all.

use super::*;
use crate::auth::cephx::authorizer::of_monitor;
use crate::wire::cephx::CephXServerChallenge;

/// The keys of that cluster.
const KEYRING: &str = "
[mon.]
    key = AQBOxwJr6LXuBBAAf+4qqi58fN3MkO5EQEjCHg==
[osd.2]
    key = AQBOxwJrSAKMCxAAlaSHHB+/qbuq0WB9pCPacQ==
[client.admin]
    key = AQBOxwJrCBbmBRAAO7j95dYzUgpc2D8yKxfVTw==
";

/// What `client.admin` said to a monitor: the fronts of its messages.
const CLIENT_SAYS: [&str; 3] = [
    concat!(
        "0000000000000000ffff0000000000000000000000001e000000010100000002000000080000000500000061646d696e0000000000000000",
        "00000000",
    ),
    concat!(
        "0000000000000000ffff00000000000000000200000020000000000101a5520209677367b7458962039258bacf0100000000000000000000",
        "000000000000",
    ),
    concat!(
        "0000000000000000ffff000000000000000002000000a50000000002010b1000000000000020000000010200000000000000600000003afa",
        "a3bad47767beba8c6d9315c646789a77670a0d2a4448bb95301377f2972d0a6cfca822bb9a7fe9035348d2f6887cde0284ecec4c973702ce",
        "954a4ca03841df832e9a8f66afa169358bde29946e0b9207638b82fdb22cdc082317cf8aa911200000007bfa69b8112915a99ced07379958",
        "fba77ec86fa06ec0e7da466c1552890919c2010500000000000000",
    ),
];

/// What it was answered.
const CLIENT_HEARS: [&str; 3] = [
    "02000000000000000b1000000000000009000000012c52a6e8e2c58be700000000",
    concat!(
        "02000000000000000b10000000000000b6000000000100000000010100000020000000013000000064cd63d6d05d0cb9ce8e4969c2a3a67e",
        "a39861c3a5a1cbf68aa3b1e1884ca63af56d47262e993b3914261482db4cde68006d000000010200000000000000600000003afaa3bad477",
        "67beba8c6d9315c646789a77670a0d2a4448bb95301377f2972d0a6cfca822bb9a7fe9035348d2f6887cde0284ecec4c973702ce954a4ca0",
        "3841df832e9a8f66afa169358bde29946e0b9207638b82fdb22cdc082317cf8aa91100000000",
    ),
    concat!(
        "02000000000000000b10000000000000710100000002000000000102000000010000000130000000994ab0dc1fe912bcb831cc05b2c49271",
        "31c1601cdb7cdf2fb52e88571ffd8270a4679a0cf68b6d08ec0d1c4294da4608006d00000001020000000000000060000000f169fc9adb80",
        "a2286f9757ad92816c79a6c86a21a6725dad8cc05d7c9f6df0185324096cbc75f6c414ac6977b5394609bed892c6a7c6b1652593fd4fc2e0",
        "5f7d93bdfc1fa867448cbab71014230b7048c120a428a5296b5700a15f22499d4ca2040000000130000000994ab0dc1fe912bcb831cc05b2",
        "c4927103cf294082027b53be9d235f6f96ca93c30ca56727db123f7b3c73c795fb9c2f007d0000000102000000000000007000000066f7e0",
        "008b664fdd0f080487ecb1c3969abc82b2dfeaad727b01e2ad02b066486c0141232fc59ec2d41813221e1b8c0b579f7b247be858ac9768fb",
        "34923e6363dd86abcff6472b7ebbf830d5f8a49885bd853e83d1f669fcc14223eaf385b612508ff76eb0cc5c4cf75753fe3535d715000000",
        "00",
    ),
];

/// What `osd.2` said to a monitor.
const OSD_SAYS: [&str; 4] = [
    "0000000000000000ffff0000000000000000000000001a000000010100000002000000040000000100000032000000000000000000000000",
    concat!(
        "0000000000000000ffff00000000000000000200000020000000000101f327b4054ecd3f2fe070fe0fc6dab89f0100000000000000000000",
        "000000000000",
    ),
    concat!(
        "0000000000000000ffff000000000000000002000000a50000000002010510000000000000200000000102000000000000006000000023f9",
        "544b8fac56214bf440cd78dd953f4d3ab0c9a97f66377b527383da82e21dbaf32684b20f016b815cb7072cc825b8efa8443d781baf862420",
        "e64f609f153fb4a3027c2db37d3c38c1660245af705e4b8e7c1103fcb9f1789f5dce90e3f7a120000000a20c90272304fa811f3d0a9d47ac",
        "3a33edc7233d671a8b7588741f02095ed928010500000000000000",
    ),
    "0000000000000000ffff00000000000000000200000002000000000400000000",
];

/// What it was answered.
const OSD_HEARS: [&str; 4] = [
    "020000000000000005100000000000000900000001c30bd774d63bb21600000000",
    concat!(
        "02000000000000000510000000000000b600000000010000000001010000002000000001300000000696cd8a72af0e1b25ca5cd29c80d2b9",
        "836b54dd1fe4d99ef3b7b7f93fe4aa21a8702c7833f18f42c0fff037a5546883006d0000000102000000000000006000000023f9544b8fac",
        "56214bf440cd78dd953f4d3ab0c9a97f66377b527383da82e21dbaf32684b20f016b815cb7072cc825b8efa8443d781baf862420e64f609f",
        "153fb4a3027c2db37d3c38c1660245af705e4b8e7c1103fcb9f1789f5dce90e3f7a100000000",
    ),
    concat!(
        "0200000000000000051000000000000071010000000200000000010200000001000000013000000060ec73952c5abf3601473272376c60ad",
        "96cde36185b89a299d9d195b41831deef093c356f71e9f08349122b8bad3c575006d00000001020000000000000060000000f889bb4579b8",
        "91089fd229c3e48ad4690dcd7b018c3401a04f5b151d85edd97ec716c2cc094ddabfbaa8360498a986ac226d3b05672ffba4949d5d7b2bcb",
        "3fb2a42e1500cfa7453c8aecc21aae3017e67f3017688071cefd30340122b60d3d9004000000013000000060ec73952c5abf360147327237",
        "6c60ad85b901e16dd147ec86d609f71cea983dd7ea979d90d024c9a9b863cc7f28b565007d00000001020000000000000070000000bb1044",
        "dd50916d6cbc808553502790af78ef0fc55fadc1567fdb7c512b9ffa6cbb6c2c32b515a9775896201d522e50e1b271efd861691868e33380",
        "8939f51c964ecad4422b29c34323da074fe14aabfa8a55e67efa5c88d8792c54661aefa9de78a6cb067dd9aea9e50546f2a827181d000000",
        "00",
    ),
    concat!(
        "02000000000000000510000000000000aa000000000400000000a0000000e90a8e22895cbf6dd2d00e4ff2017c0f6e13762acc7a59114ed6",
        "70a7ec46c24d3ec725b321d25b7a94d962aadf2cab870756b04a3ce760bfd6edf47aa4c40be9833d18cedff5d550b4cb94bfb8de6ac53392",
        "ad121a881f6ebebfec70e9c36f153109d1d70adb4c11de7f41d68428a7b7e15520bc4401e04612587216c5d10f1cd88953b1e4dbf35fc222",
        "163de9e2edbe7e6afe516e9d43d67222bd07234b945c00000000",
    ),
];

/// The authorizer that it showed to another OSD.
const OSD_SHOWS: &str = concat!(
    "0105100000000000000400000001020000000000000070000000bb1044dd50916d6cbc808553502790af78ef0fc55fadc1567fdb7c512b9f",
    "fa6cbb6c2c32b515a9775896201d522e50e1b271efd861691868e333808939f51c964ecad4422b29c34323da074fe14aabfa8a55e67efa5c",
    "88d8792c54661aefa9de78a6cb067dd9aea9e50546f2a827181d20000000a8952766af66b6dfc3702d66ff9b35407bbf3dd25c1174e3915d",
    "322e150ebe38",
);

/// The answer to that.
const OSD_IS_SHOWN: &str = "20000000406e3ec2d752380ceee5f4c04abdbf4fee00fd8f16b259d3e3f3f55701633736";

/// The authorizer that a monitor showed to another one.
const MON_SHOWS: &str = concat!(
    "0100000000000000000100000001ffffffffffffffff60000000ce615adaeae3280f3dd37539ac3382fc0abbf134c1b062d691564218b2ce",
    "a87a4f97c3c4f0f2bbdde90fbbac95061518592cb48ce00e83d8beefea5cfcf91ce26b58f1cd59597b67c1a6655fe905262ae7fd439d03ec",
    "0fa7fa7e94a4f8206cf42000000038db4c4cfa7b7e7365041053aead6b86778a4f681e380670b77e64bd7a7fb2ee",
);

/// The answer to that.
const MON_IS_SHOWN: &str = "20000000424194b0e260561947753ae3b50eda284ab3b80d3802b1f296bfdeecc02ced58";

fn recorded() -> Keyring {
    Keyring::parse(KEYRING).unwrap()
}

pub(super) fn request(front: &str) -> MAuth {
    MAuth::decode(
        Parts { version: 1, compat: 1, front: bytes(front), ..Parts::default() }.sections(),
        &Context::default(),
    )
    .unwrap()
}

pub(super) fn reply(front: &str) -> MAuthReply {
    let parts = Parts { version: 1, compat: 1, front: bytes(front), ..Parts::default() };
    MAuthReply::decode(parts.sections(), &Context::default()).unwrap()
}

fn front(request: &MAuth) -> Bytes {
    request.encode(Target::default()).unwrap().front
}

/// Lets a client say what was recorded, with seeds from which the recorded random numbers come.
fn say_it_again(client: &mut CephxClient, says: &[&str], hears: &[&str], seeds: [u64; 2]) {
    let mut seeds = seeds.into_iter().chain([0, 0]);
    let mut request = client.start(0, Features::MSG_AUTH.0).unwrap();
    for (says, hears) in says.iter().zip(hears) {
        assert_eq!(front(&request), bytes(says));
        let mut random = Random::new(seeds.next().unwrap());
        match client.handle(&reply(hears), &mut at(NOW, &mut random)).unwrap() {
            Step::Send(next) => request = next,
            Step::Done => request = MAuth::default(),
        }
    }
    assert_eq!(request, MAuth::default(), "everything is said");
}

/// An OSD that has had the exchange.
fn osd() -> CephxClient {
    let name = name(EntityType::OSD, "2");
    let key = recorded().get(&name).unwrap().clone();
    let mut client = CephxClient::new(name, key, &[EntityType::MON, EntityType::OSD]);
    say_it_again(&mut client, &OSD_SAYS, &OSD_HEARS, [0x413d_8d9f_c579_5f9c, 0xe0b7_9b5a_587d_d784]);
    client
}

// covers: MA-01, MA-08, MA-12, AU-04
#[test]
fn a_client_says_what_fireflys_says() {
    let name = name(EntityType::CLIENT, "admin");
    let key = recorded().get(&name).unwrap().clone();
    let mut client = CephxClient::new(name, key, &[EntityType::MON, EntityType::OSD]);
    say_it_again(&mut client, &CLIENT_SAYS, &CLIENT_HEARS, [0x378d_dbd6_72e9_436f, 0x925d_7e1f_f670_c75a]);
    assert_eq!(client.global_id(), 0x100b);
    assert!(client.holds(EntityType::MON, utime(NOW)) && client.holds(EntityType::OSD, utime(NOW)));
}

#[test]
fn an_osd_says_what_fireflys_says() {
    let client = osd();
    assert_eq!(client.global_id(), 0x1005);
    assert_eq!([1, 2, 3].map(|id| client.secrets().get(id).is_some()), [true; 3]);
    assert!(!client.needs_renewal(utime(NOW)));
}

// covers: AU-05
#[test]
fn a_service_answers_what_fireflys_answers() {
    let mut service = CephxService::new(EntityType::OSD, &Keyring::default());
    service.set_secrets(osd().secrets().clone());
    let (reply, session_key) = accepted(service.verify(&shown(&bytes(OSD_SHOWS)), &mut at(NOW, &mut Random::new(1))));
    assert_eq!(reply, bytes(OSD_IS_SHOWN));
    let proven = service.open(&bytes(OSD_SHOWS), utime(NOW)).unwrap();
    assert_eq!(proven.session_key, session_key);
    assert_eq!((proven.ticket.name, proven.ticket.global_id), (name(EntityType::OSD, "2"), 0x1005));
    assert_eq!(proven.ticket.caps.caps.unwrap().text, "allow *");
}

// covers: AU-35
#[test]
fn the_owner_of_a_ticket_has_the_same_session_key_as_the_service() {
    let mut random = Random::new(1);
    let mut client = osd();
    let ours = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap();
    let again = client.authorizer(EntityType::OSD, false, &mut at(NOW, &mut random)).unwrap();
    let mut service = CephxService::new(EntityType::OSD, &Keyring::default());
    service.set_secrets(client.secrets().clone());
    let theirs = service.open(&bytes(OSD_SHOWS), utime(NOW)).unwrap().session_key;
    assert_eq!(ours.session_key, Some(theirs.clone()));
    assert_eq!(again.session_key, Some(theirs));
    // It is the recorded authorizer but for the nonce.
    let sealed = 32;
    assert_eq!(ours.bytes[..ours.bytes.len() - sealed], bytes(OSD_SHOWS)[..ours.bytes.len() - sealed]);
}

#[test]
fn monitors_understand_fireflys_monitors() {
    let service = CephxService::new(EntityType::MON, &recorded());
    let (reply, _) = accepted(service.verify(&shown(&bytes(MON_SHOWS)), &mut at(NOW, &mut Random::new(1))));
    assert_eq!(reply, bytes(MON_IS_SHOWN));
    let theirs = service.open(&bytes(MON_SHOWS), utime(NOW)).unwrap().ticket;
    let key = recorded().get(&name(EntityType::MON, "")).unwrap().clone();
    let made = UTime { tv_sec: theirs.created.tv_sec, tv_nsec: theirs.created.tv_nsec };
    let ours = of_monitor(&key, &mut Moment { wall: made, random: &mut Random::new(1) }).unwrap();
    assert_eq!(ours.bytes.len(), bytes(MON_SHOWS).len());
    let ours = service.open(&ours.bytes, made).unwrap().ticket;
    assert_eq!(ours, theirs);
}

// covers: MA-08, MA-09, MA-15
#[test]
fn a_monitor_believes_what_fireflys_processes_say() {
    let mut monitor = CephxMonitor::new(recorded()).unwrap().numbering_from(0x1005);
    let mut random = Random::new(1);
    let mut session = MonSession::new(Features::MSG_AUTH.0);
    let mut says =
        |session: &mut MonSession, said| monitor.handle(session, &request(said), &mut at(NOW, &mut random)).reply;
    let hello = says(&mut session, OSD_SAYS[0]);
    // As the recorded answer but for the challenge.
    let recorded = reply(OSD_HEARS[0]);
    assert_eq!(MAuthReply { result_bl: recorded.result_bl.clone(), ..hello.clone() }, recorded);
    assert_eq!((hello.result_bl.len(), hello.result_bl[0]), (9, 1));
    // The proof is for another challenge.
    assert_eq!(says(&mut session, OSD_SAYS[1]).result, -1);
    session.server_challenge =
        from_bytes::<CephXServerChallenge>(recorded.result_bl, &Context::default()).unwrap().server_challenge;
    for turn in [1, 3] {
        let answer = says(&mut session, OSD_SAYS[turn]);
        let recorded = reply(OSD_HEARS[turn]);
        assert_eq!(answer.result_bl.len(), recorded.result_bl.len());
        assert_eq!(answer.result_bl[..11], recorded.result_bl[..11]);
        assert_eq!((answer.result, answer.global_id), (0, 0x1005));
    }
    // The recorded ticket is sealed with a key that this monitor does not have.
    assert_eq!(says(&mut session, OSD_SAYS[2]).result, -1);
}
