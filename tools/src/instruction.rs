//! Telemetry that reads as if it told the agent what to do: marked, shown to people, and data all the same.
//!
//! Source: <https://genai.owasp.org/llmrisk/llm01-prompt-injection/>

mod disguise;

use std::sync::LazyLock;

use regex::Regex;

use crate::text;

/// Characters of the part that is shown.
const SHOWN: usize = 160;
/// Bytes of a line that are looked at for what is disguised.
const LINE: usize = 4 * 1024;

#[expect(clippy::expect_used, reason = "a literal pattern, compiled in a test")]
static INSTRUCTION: LazyLock<Regex> = LazyLock::new(|| {
    let parts = [
        // Talk about the conversation itself.
        r"\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|the\s+|your\s+|every\s+|of\s+|my\s+|these\s+|those\s+)*(?:previous|prior|above|earlier|preceding|former|system|safety|security|other|initial|original)?\s*(?:instructions?|prompts?|rules?|guidelines|guardrails|polic(?:y|ies)|approvals?|restrictions|context)\b",
        r"\b(?:bypass|skip)\s+(?:all|any|the|your|every)\s+(?:\w+\s+)?(?:rules?|guidelines|guardrails|polic(?:y|ies)|approvals?|restrictions)\b",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|anything|all)\s+(?:above|before|prior|that\s+came|you\s+(?:were|have|know)|i\s+said|said)",
        r"\b(?:pay\s+no\s+attention\s+to|do\s+not\s+(?:follow|obey)|don't\s+(?:follow|obey)|stop\s+following)\s+(?:\w+\s+){0,3}?(?:instructions?|rules?|guidelines|polic(?:y|ies))",
        r"\b(?:new|updated|real|actual|important|special)\s+(?:system\s+)?instructions?\s*:",
        r"\byou\s+are\s+(?:now|no\s+longer)\s+(?:an?|the|in)\b",
        r"\bfrom\s+now\s+on,?\s+(?:you|only|always|never)\b",
        r"\bpretend\s+(?:to\s+be|you\s+are|that\s+you)\b|\bact\s+as\s+(?:an?|the)\s+(?:admin\w*|root|operator|developer|different|unrestricted)\b|\bjailbreak",
        r"(?:^|\n)\s*(?:(?:system|developer|user)\s+(?:prompt|message)|(?-i:SYSTEM)|assistant|human)\s*:\s",
        r"<\|(?:im_start|im_end|system|endoftext|start_header_id|eot_id)[^>]*\|?>|\[/?INST\]|<</?SYS>>|</?(?:system|instructions?|tool_call|function_call|tool_result|untrusted)>",
        r"(?:^|\n)\s*#{2,}\s*(?:system|instructions?|assistant|human|new\s+task)\b|\b(?:begin|end|start)\s+(?:of\s+)?(?:the\s+)?system\s+(?:prompt|instructions?)\b",
        r"\b(?:reveal|print|show|repeat|output|leak|send)\s+(?:me\s+|us\s+)?(?:your|the)\s+(?:system\s+prompt|hidden\s+prompt|initial\s+instructions|api\s+keys?|credentials|secrets)\b",
        r"\b(?:as|dear|hello|hey|attention|note\s+to)[,:]?\s+(?:an?\s+|the\s+|any\s+)?(?:ai|llm|language\s+model|assistant|agent|devops-agent)\b",
        r"\bif\s+you\s+are\s+(?:an?|the)\s+(?:ai|llm|language\s+model|assistant|agent|bot)\b|\b(?:ai|llm)s?\s+(?:reading|processing|analy[sz]ing)\s+this\b",
        // Orders about tools and approvals.
        r"\b(?:call|invoke|use|run|execute)\s+(?:the\s+)?tool\b",
        r"\b(?:restart_container|scale_service|deploy_service|rollback_service|update_resources|silence_alert|open_pr)\b|\b(?:call|invoke|run|use)\s+(?:notify|conclude)\b",
        r"\b(?:approval|leave|authori[sz]ation)\s+(?:is|was|has\s+(?:already\s+)?been)\s+(?:already\s+)?(?:granted|given|approved|waived)\b|\bpermission\s+(?:was|has\s+(?:already\s+)?been|is\s+already)\s+(?:already\s+)?(?:granted|given)\b",
        r"\b(?:pre-?)?approved\s+by\s+(?:the\s+)?(?:operator|admin\w*|on-?call|owner|security|management)\b|\bno\s+(?:approval|confirmation)\s+is\s+(?:needed|required|necessary)\b",
        r"\b(?:do\s+not|don't|never)\s+(?:tell|inform|alert|notify|ask)\s+(?:the\s+|any\s+)?(?:user|operator|human|person|people|anyone|on-?call)\b",
        r"(?:\b(?:please|must|immediately|urgent(?:ly)?)|(?:^|[\n.!?:]\s*|\band\s+)now)[,:]?\s+(?:you\s+)?(?:restart|redeploy|deploy|scale|delete|remove|drop|silence|approve|roll\s?back|shut\s?down|disable)\s+(?:the\s+|all\s+|every\s+)?[a-z0-9_.-]+",
        // "Ignore previous instructions" in other languages: German, Dutch, French, Spanish, Portuguese, Italian, Polish.
        r"\b(?:ignorier\w*|vergiss|vergesst|missachte\w*|negeer|vergeet)\s+(?:\S+\s+){0,4}?(?:anweisung\w*|instruktion\w*|instructies|regeln|regels|vorgaben|befehle)",
        r"\b(?:ignor(?:e|es|ez|er|a|ar|ad|en)|oubli(?:e|es|ez|er)|olvid(?:a|e|ar|en)|descart(?:a|e|ar)|esque(?:ça|cer|ce)|desconsider(?:e|ar)|dimentica(?:re|te)?)\s+(?:\S+\s+){0,4}?(?:consignes|directives|instrucciones|indicaciones|órdenes|instruções|regras|reglas|règles|istruzioni|regole|instructions\s+pr[ée]c[ée]dentes)",
        r"\b(?:zignoruj|ignoruj|zapomnij)\s+(?:\S+\s+){0,4}?(?:instrukcj\w+|polece\w+|zasad\w*)",
        // Russian, Ukrainian, Chinese, Japanese, Korean, Arabic.
        r"(?:(?:про)?игнорируй\w*|забудь\w*|ігноруй\w*|не\s+обращай\w*\s+внимания\s+на)\s+(?:\S+\s+){0,4}?(?:инструкци\w+|указани\w+|правил\w*|команды|інструкці\w+|вказівк\w+)",
        r"(?:忽略|忽视|忽視|无视|無視|忘记|忘記|忘掉|不要理会|不要遵守).{0,8}?(?:指令|指示|说明|說明|提示|规则|規則|命令|要求)",
        r"(?:指示|命令|指令|ルール|プロンプト)(?:を|は)?.{0,6}?(?:無視|忘れ)|(?:지시|명령|지침|규칙)\S{0,4}\s*.{0,4}?(?:무시|잊)",
        r"تجاهل\s+(?:\S+\s+){0,3}?(?:ال)?(?:تعليمات|أوامر|قواعد)",
    ];
    Regex::new(&format!("(?i){}", parts.join("|"))).expect("a valid pattern")
});

/// The part of a text that reads as an instruction; `None` for most texts. It decides nothing: what a change may name is decided
/// by where the name comes from.
pub fn reads_as_instruction(text: &str) -> Option<String> {
    if let Some(found) = INSTRUCTION.find(text) {
        let line = text.get(..found.start()).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let lines = text.get(line..).unwrap_or_default().lines();
        return lines.map(str::trim).find(|line| !line.is_empty()).map(|line| text::one_line(line, SHOWN));
    }
    let disguised = text.lines().find(|line| {
        let looked_at = line.get(..line.floor_char_boundary(LINE)).unwrap_or(line);
        disguise::hides_instruction(looked_at)
    });
    disguised.map(|line| text::one_line(line, SHOWN))
}

#[cfg(test)]
mod tests;
