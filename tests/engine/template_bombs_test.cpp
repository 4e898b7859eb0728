// Templates that were written to crash the Jinja engine, to keep it busy for ever or to fill the memory. Nothing of
// that may reach this process: each of them is rendered, or is an error that names the template.

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/chat_template.h"
#include "support/expect_error.h"
#include "support/sanitizer.h"

namespace urial::engine {
namespace {

using namespace std::chrono_literals;

struct Bomb {
    std::string name;
    std::string source;
};

std::string repeated(std::string_view text, std::size_t times) {
    std::string result;
    result.reserve(text.size() * times);
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

constexpr std::size_t kDeep = 40'000;

/// `open` and `close` around `core`, kDeep times, as one expression.
std::string nested(std::string_view open, std::string_view core, std::string_view close) {
    return "{{ " + repeated(open, kDeep) + std::string(core) + repeated(close, kDeep) + " }}";
}

std::string nested_blocks(std::string_view open, std::string_view close) {
    return repeated(open, kDeep / 2) + "x" + repeated(close, kDeep / 2);
}

std::vector<Bomb> nesting() {
    return {
        {"parentheses", nested("(", "1", ")")},
        {"lists", nested("[", "1", "]")},
        {"dictionaries", nested("{'a':", "1", "}")},
        {"tuples", nested("(1,", "1", ")")},
        {"negations", nested("not ", "1", "")},
        {"signs", nested("-", "1", "")},
        {"minus signs apart", nested("- ", "1", "")},
        {"calls in calls", nested("range(", "1", ")")},
        {"chained calls", nested("", "range", "()")},
        {"members", nested("", "messages", ".a")},
        {"indices", nested("", "messages", "[0]")},
        {"indices in indices", nested("messages[", "0", "]")},
        {"filters", nested("", "'a'", "|trim")},
        {"filters with arguments in arguments", nested("'a'|default(", "1", ")")},
        {"sums", nested("", "1", "+1")},
        {"concatenations", nested("", "'a'", "~'a'")},
        {"products", nested("", "1", "*1")},
        {"ands", nested("", "1", " and 1")},
        {"ors", nested("", "0", " or 0")},
        {"comparisons", nested("", "1", " < 2")},
        {"memberships", nested("", "1", " in [1]")},
        {"tests", nested("", "1", " is defined")},
        {"ternaries to the right", nested("1 if 0 else ", "1", "")},
        {"ternaries in parentheses", nested("(", "1", " if 1 else 1)")},
        {"ifs", nested_blocks("{% if 1 %}", "{% endif %}")},
        {"fors", nested_blocks("{% for m in messages %}", "{% endfor %}")},
        {"elifs", "{% if 0 %}" + repeated("{% elif 0 %}", kDeep) + "{% endif %}"},
        {"macros in macros", nested_blocks("{% macro m() %}", "{% endmacro %}")},
        {"block sets", nested_blocks("{% set a %}", "{% endset %}")},
        {"filter blocks", nested_blocks("{% filter trim %}", "{% endfilter %}")},
        {"call blocks", nested_blocks("{% call m() %}", "{% endcall %}")},
        {"spreads", nested("range(*", "[1]", ")")},
        {"keywords", nested("namespace(a=", "1", ")")},
    };
}

std::vector<Bomb> cut_off() {
    return {
        {"open parentheses", "{{ " + repeated("(", kDeep)},
        {"open brackets", "{{ " + repeated("[", kDeep)},
        {"open ifs", repeated("{% if 1 %}", kDeep)},
        {"open expressions", repeated("{{", kDeep)},
        {"an expression that does not end", "{{ 1"},
        {"a list that does not end", "{{ [1,"},
        {"a call that does not end", "{{ range(1"},
        {"a text that does not end", "{{ 'a"},
        {"a backslash at the end", "{{ 'a\\"},
        {"a comment that does not end", "{# a"},
        {"a statement without a name", "{%"},
        {"a set without a value", "{% set a"},
        {"a for without a list", "{% for a in"},
        {"a macro without a body", "{% macro a(b"},
        {"a filter without a name", "{{ 1 | }}"},
        {"a test without a name", "{{ 1 is }}"},
        {"a slice that does not end", "{{ messages[1:"},
        {"many colons in a slice", "{{ messages[" + repeated(":", kDeep) + "] }}"},
        {"a member without a name", "{{ messages. }}"},
        {"an else without an if", "{% else %}"},
        {"an end without a beginning", repeated("{% endfor %}", 100)},
        {"zero bytes", std::string("{{ 'a\0b' }}\0{%", 15)},
        {"bytes that are not UTF-8", "\xff\xfe{{ '\xc3' | upper }}{{ '\xf0' | title }}"},
    };
}

std::vector<Bomb> loops() {
    const std::string ten_thousand = "{% for i in range(10000) %}";
    return {
        {"a long range", "{{ range(1000000000) | length }}"},
        {"the longest range", "{{ range(-9223372036854775807, 9223372036854775807) | length }}"},
        {"a range without a step", "{{ range(0, 10, 0) | length }}"},
        {"a range whose end wraps around", "{{ range(9223372036854775800, 9223372036854775807, 100) | length }}"},
        {"loops in loops", ten_thousand + ten_thousand + ten_thousand + "{% endfor %}{% endfor %}{% endfor %}"},
        {"a list that grows under its loop", "{% set l = [1] %}{% for a in l %}{{ l.append(a) }}{% endfor %}"},
        {"a list that grows and shrinks under its loop",
         "{% set l = [1,2,3] %}{% for a in l %}{{ l.pop() }}{{ l.append(l) }}{% endfor %}"},
        {"a dictionary that is changed under its loop",
         "{% set n = namespace(a=1) %}{% for k in n %}{% set n[k ~ 'a'] = 1 %}{% set n.b = k %}{% endfor %}"},
        {"break without a loop", "{% break %}"},
        {"continue without a loop", "{% if 1 %}{% continue %}{% endif %}"},
        {"break in a macro in a loop",
         "{% macro m() %}{% break %}{% endmacro %}{% for a in [1] %}{{ m() }}{% endfor %}"},
    };
}

std::vector<Bomb> recursion() {
    const std::string list = "{% set l = [] %}{% set _ = l.append(l) %}";
    const std::string space = "{% set n = namespace() %}{% set n.me = n %}";
    return {
        {"a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
        {"a macro that calls itself twice", "{% macro m(a) %}{{ m(a) ~ m(a) }}{% endmacro %}{{ m(1) }}"},
        {"two macros that call each other",
         "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"},
        {"a macro that calls its argument", "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}"},
        {"a list in itself as text", list + "{{ l }}"},
        {"a list in itself as JSON", list + "{{ l | tojson }}"},
        {"a list in itself joined", list + "{{ l | join(l) }}"},
        {"a list in itself compared", list + "{% set k = [] %}{% set _ = k.append(k) %}{{ l == k }}"},
        {"a list in itself as a key", list + "{{ {l: 1} }}"},
        {"a list in itself sought", list + "{{ [l] in l }}"},
        {"a list in itself sorted", list + "{{ (l + l) | sort }}"},
        {"a namespace in itself as text", space + "{{ n }}"},
        {"a namespace in itself as JSON", space + "{{ n | tojson(indent=4) }}"},
        {"a namespace in itself compared", space + "{{ n == n.me }}{{ n in [n.me] }}"},
    };
}

std::vector<Bomb> growth() {
    const auto doubled = [](std::string_view step) {
        return fmt::format(
            "{{% set n = namespace(s='ab', l=[1]) %}}{{% for i in range(60) %}}{}{{% endfor %}}{{{{ n.s }}}}", step);
    };
    return {
        {"a text times a billion", "{{ 'a' * 1000000000 }}"},
        {"a text times the largest number", "{{ 'ab' * 9223372036854775807 }}"},
        {"an empty text times the largest number", "{{ '' * 9223372036854775807 }}"},
        {"a text that doubles", doubled("{% set n.s = n.s ~ n.s %}")},
        {"a text that doubles by replacement", doubled("{% set n.s = n.s | replace('a', n.s) %}")},
        {"a text that grows by format", doubled("{% set n.s = '%s%s' | format(n.s, n.s) %}")},
        {"a list that doubles", doubled("{% set n.l = n.l + n.l %}")},
        {"a list of lists that doubles", doubled("{% set n.l = [n.l, n.l] %}") + "{{ n.l }}"},
        {"a list of lists that doubles as JSON", doubled("{% set n.l = [n.l, n.l] %}") + "{{ n.l | tojson }}"},
        {"a join that grows", doubled("{% set n.s = [n.s, n.s, n.s] | join(n.s) %}")},
        {"a dictionary that grows",
         "{% set n = namespace() %}{% for i in range(10000000) %}{% set n[i] = i %}{% endfor %}"},
        {"JSON with wide indents", "{{ [[1]] | tojson(indent=2000000000) }}"},
        {"JSON with negative indents", "{{ [[1]] | tojson(indent=-2000000000) }}"},
        {"wide indents", "{{ 'a\nb' | indent(9223372036854775807, true) }}"},
        {"negative indents", "{{ 'a\nb' | indent(-9223372036854775807, true) }}"},
        {"much output", "{% for i in range(100000) %}0123456789{% endfor %}"},
        {"many small parts",
         "{% for i in range(1000000) %}{{ messages[0].role }}{{ messages[0].content }}{% endfor %}"},
        {"a replacement of nothing", "{{ 'abc' | replace('', 'x') }}"},
        {"a split at nothing", "{{ 'abc'.split('') }}"},
        {"a split from the right at nothing", "{{ 'abc'.rsplit('') }}"},
        {"a long date", "{{ strftime_now('%A' * 100000) }}"},
        {"a date of nothing", "{{ strftime_now('') }}{{ strftime_now('%') }}{{ strftime_now('%E') }}"},
        {"a long message of its own error", "{{ raise_exception('x' * 10000000) }}"},
    };
}

std::vector<Bomb> numbers() {
    return {
        {"division by zero", "{{ 1 / 0 }}{{ 0 / 0 }}"},
        {"the rest of a division by zero", "{{ 1 % 0 }}"},
        {"the smallest number divided", "{{ (-9223372036854775807 - 1) // -1 }}{{ (-9223372036854775807 - 1) % -1 }}"},
        {"the smallest number's size", "{{ (-9223372036854775807 - 1) | abs }}"},
        {"a number beyond 64 bits", "{{ 99999999999999999999999 }}"},
        {"a number of many digits", "{{ " + repeated("9", 100'000) + " }}"},
        {"a fraction beyond all bounds", "{{ " + repeated("9", 400) + ".5 | int }}"},
        {"a number in base a billion", "{{ 'zz' | int(base=1000000000) }}{{ 'zz' | int(0, -1) }}"},
        {"a slice without a step", "{{ 'abc'[::0] }}"},
        {"a list's slice without a step", "{{ [1,2,3][::0] }}"},
        {"a slice with the largest step", "{{ 'abc'[1:9223372036854775807:9223372036854775807] }}"},
        {"a slice with the smallest step", "{{ [1,2,3][::-9223372036854775807 - 1] }}"},
        {"an index far away", "{{ messages[9223372036854775807] }}{{ messages[-9223372036854775807 - 1] }}"},
        {"a pop from nothing", "{{ [].pop() }}"},
        {"a pop from far away", "{{ [1].pop(-9223372036854775807 - 1) }}{{ [1].pop(5) }}"},
        {"unlike things sorted", "{{ ([3,'a',none,1.5,[1],'b',{},0,-1] + range(100) | list) | sort }}"},
        {"many equal things sorted",
         "{% set l = [none, 1, 'a'] %}{% for i in range(8) %}{% set l = l + l %}{% endfor %}"
         "{{ (l + l + l + l + l + l) | sort(reverse=true) }}"},
        {"numbers that are none sorted", "{{ [0 / 0, 1, 0 / 0, 2, 0 / 0] | sort }}{{ [0 / 0, 1] | max }}"},
        {"functions without arguments",
         "{{ range() }}{{ [] | join(1, 2, 3) }}{{ namespace(1) }}{{ dict() }}{{ strftime_now() }}"},
        {"filters without what they need", "{{ 'a' | replace }}{{ 'a' | default }}{{ [] | map }}{{ [] | selectattr }}"},
        {"the first of nothing", "{{ [] | first }}{{ '' | first }}{{ [] | last }}{{ [] | min }}{{ [] | sum }}"},
        {"what is not there", "{{ a.b.c }}{{ a() }}{{ a[0][1:2] }}{{ a | nothing }}{{ a is nothing }}"},
    };
}

std::vector<Bomb> bombs() {
    std::vector<Bomb> all;
    for (const auto& family : {nesting(), cut_off(), loops(), recursion(), growth(), numbers()}) {
        all.insert(all.end(), family.begin(), family.end());
    }
    return all;
}

const std::vector<ChatMessage> kConversation{{"user", "One?"}, {"assistant", "Yes."}, {"user", "Two?"}};

TEST(TemplateBombs, none_reaches_this_process) {
    ASSERT_GE(bombs().size(), 84U);
    for (const Bomb& bomb : bombs()) {
        try {
            const auto parts = render_chat({bomb.name, bomb.source}, kConversation, {.cpu_time = 150ms});
            std::size_t bytes = 0;
            for (const ChatPart& part : parts) bytes += part.text.size();
            EXPECT_LT(bytes, 500'000U) << bomb.name;
        } catch (const Error& failure) {
            EXPECT_EQ(failure.kind(), ErrorKind::BadInput) << bomb.name;
            EXPECT_NE(std::string(failure.what()).find(bomb.name), std::string::npos) << failure.what();
            EXPECT_LT(std::string_view(failure.what()).size(), 2'000U) << bomb.name;
        }
    }
    rusage usage{};
    ASSERT_EQ(::getrusage(RUSAGE_SELF, &usage), 0);
    EXPECT_LT(usage.ru_maxrss, 1'000'000) << "kilobytes";
}

void expect_refused(const std::string& source, std::string_view why, std::chrono::milliseconds cpu_time = 20s) {
    EXPECT_ERROR(render_chat({"bomb", source}, kConversation, {.cpu_time = cpu_time}), ErrorKind::BadInput, why);
}

TEST(TemplateBombs, the_error_says_which_limit_was_met) {
    expect_refused("{% for i in range(30000) %}{% for i in range(30000) %}{% endfor %}{% endfor %}",
                   "it was not done after 100 ms", 100ms);
    expect_refused("{% for i in range(300) %}" + std::string(1000, 'x') + "{% endfor %}", "it writes more than");
    expect_refused(nested("(", "1", ")"), "the template engine crashed on it (SIGSEGV)");
    expect_refused(std::string(1'000'001, 'a'), "it has 1000001 bytes, at most 1000000 are read");
}

TEST(TemplateBombs, memory_is_limited) {
    if (test::is_sanitized()) GTEST_SKIP() << "AddressSanitizer ends a process that asks for too much";
    expect_refused("{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
                   "it needs more than 268.4 MB");
}

TEST(TemplateBombs, a_template_may_repeat_a_long_conversation) {
    const std::vector<ChatMessage> messages{{"user", std::string(2'000'000, 'a')}};
    const auto parts = render_chat({"t", "{{ messages[0].content }}!"}, messages, {});
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_EQ(parts[0], (ChatPart{messages[0].content, true}));
    EXPECT_EQ(parts[1], (ChatPart{"!", false}));
}

}  // namespace
}  // namespace urial::engine
