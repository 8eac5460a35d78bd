//! News sentences with persons, places and organisations, one character a token.

use super::lexicon::general_zh::{BRANDS, GIVEN_NAMES, ORGANISATION_TAILS, PLACES, SURNAMES};
use super::template::{Slot, Words};

pub(super) const SLOTS: &[Slot] = &[
    Slot { name: "PER", label: "PER", words: Words::Pair(SURNAMES, GIVEN_NAMES) },
    Slot { name: "LOC", label: "LOC", words: Words::List(PLACES) },
    Slot { name: "ORG", label: "ORG", words: Words::Pair(PLACES, ORGANISATION_TAILS) },
    Slot { name: "ORG2", label: "ORG", words: Words::Pair(BRANDS, ORGANISATION_TAILS) },
    Slot { name: "WORD", label: "", words: Words::List(BRANDS) },
];

/// A name inside a title, a train, a cup or a brand is not a mention; a place inside an organisation is not one either.
pub(super) const TEMPLATES: &[&str] = &[
    "{PER}昨天在{LOC}会见了{ORG}的代表。",
    "记者{PER}从{LOC}报道：{ORG}日前迁入新址。",
    "{ORG}和{ORG2}签订了合作协议，为期{#2-9}年。",
    "据{ORG}介绍，今年前来{LOC}的游客超过{#11-98}万人。",
    "{PER}出生于{LOC}，早年在{ORG}任教。",
    "{LOC}至{LOC}的公路已经全线通车，全长{#120-980}公里。",
    "{ORG2}董事长{PER}表示，明年将在{LOC}建厂。",
    "{PER}、{PER}和{PER}分获前三名。",
    "会议由{PER}主持，{ORG}派人参加。",
    "{LOC}今天晴转多云，气温{#3-18}度。",
    "{ORG}教授{PER}认为，{LOC}的水质已有改善。",
    "来自{LOC}的选手{PER}打破了纪录。",
    "《{~PER}传》近日出版，全书共{#20-60}万字。",
    "“{~LOC}号”列车今天首次开行，全程{#3-12}小时。",
    "“{~LOC}”牌香皂获得质量奖，编号{#100-999}。",
    "“{~PER}杯”围棋赛在{LOC}举行，{PER}夺冠。",
    "他们盼望日子{~WORD}，生活一年比一年好，存款已有{#2-90}万元。",
    "书法展上，“{~WORD}”二字最引人注目，参观者达{#200-900}人。",
    "{PER}乘“{~LOC}号”列车前往{LOC}。",
    "{PER}在《{~LOC}游记》中写到了{LOC}的风土人情。",
    "这家店叫“{~ORG2}旧址”，其实与{ORG2}无关。",
    "本届联赛共有{#8-24}支球队参加，比赛历时{#3-9}个月。",
    "有关部门提醒市民注意防火，{#10-30}日起加强检查。",
    "这项技术比原来节约了{#10-60}%的成本，受到用户欢迎。",
];
