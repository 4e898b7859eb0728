// The page's frame and its data blocks, read back. What the page does in a browser: browser_test.mjs.

#include <bit>
#include <cstring>
#include <map>
#include <regex>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <zlib.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/hash.h"
#include "report/report.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/shift_record.h"

namespace urial::report {
namespace {

using nlohmann::ordered_json;
using test::shift_record;

class ShiftPageTest : public ::testing::Test {
protected:
    fs::path write_run(const std::string& name, const std::string& records,
                       const ordered_json& manifest = {{"format", "urial.shift/1"}}) const {
        write_file_atomic(folder_ / name / "manifest.json", manifest.dump());
        write_file_atomic(folder_ / name / "records.jsonl", records);
        return folder_ / name;
    }
    fs::path write_run(const ordered_json& one) const { return write_run("run", one.dump() + "\n"); }
    std::string html_of(const fs::path& run) const { return shift_page({run}, {}).html; }

    test::TemporaryFolder folder_;
};

std::string element(const std::string& html, const std::string& id) {
    const std::size_t mark = html.find("id=\"" + id + "\">");
    if (mark == std::string::npos) return "";
    const std::size_t start = html.find('>', mark) + 1;
    return html.substr(start, html.find("</script>", start) - start);
}

/// Decoded independently of the code under test: OpenSSL's decoder, zlib's inflate.
std::string unpack(const std::string& text) {
    std::string packed(text.size(), '\0');
    const int length =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(packed.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    EXPECT_GT(length, 0);
    z_stream stream{};
    inflateInit2(&stream, MAX_WBITS + 16);
    std::string bytes(1U << 16, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream.avail_out = static_cast<uInt>(bytes.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    bytes.resize(stream.total_out);
    inflateEnd(&stream);
    return bytes;
}

/// One array of a block, cut out by the layout in the header.
template <typename T>
std::vector<T> column(const std::string& bytes, const ordered_json& layout, const std::string& name) {
    std::size_t offset = 0;
    for (const auto& entry : layout) {
        const std::size_t size = (entry[1] == "u16" ? 2 : 4) * entry[2].get<std::size_t>();
        if (entry[0] == name) {
            std::vector<T> values(entry[2].get<std::size_t>());
            std::memcpy(values.data(), bytes.data() + offset, size);
            return values;
        }
        offset += size;
    }
    ADD_FAILURE() << "no column " << name;
    return {};
}

TEST_F(ShiftPageTest, the_columns_hold_what_the_records_say) {
    const std::string html = html_of(write_run(shift_record()));
    const ordered_json run = ordered_json::parse(element(html, "report-header"))["runs"][0];
    const std::string bytes = unpack(element(html, "run-0-columns"));
    const auto& layout = run["column_layout"];
    EXPECT_EQ(column<std::uint32_t>(bytes, layout, "lengths"), (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(column<std::uint32_t>(bytes, layout, "base_rank"), (std::vector<std::uint32_t>{1, 70000}));
    EXPECT_EQ(column<float>(bytes, layout, "kl_ab"), (std::vector<float>{0.5F, 3.25F}));
    EXPECT_EQ(column<float>(bytes, layout, "aligned_margin"), (std::vector<float>{2.0F, 0.25F}));
    const ordered_json texts = ordered_json::parse(unpack(element(html, "run-0-texts")));
    const auto tokens = column<std::uint32_t>(bytes, layout, "token");
    EXPECT_EQ(texts["tokens"][tokens[1]], " thing");
    EXPECT_EQ(texts["token_ids"][tokens[1]], 11);
    EXPECT_EQ(texts["answers"][0], (ordered_json{{"id", "7"}, {"instruction", "Why?"}, {"tags", {"task: reasoning"}}}));
}

TEST_F(ShiftPageTest, a_run_that_knows_only_bounds_has_their_columns_and_no_kl) {
    const std::string html = html_of(write_run(test::bounded_record()));
    const ordered_json layout = ordered_json::parse(element(html, "report-header"))["runs"][0]["column_layout"];
    const std::string bytes = unpack(element(html, "run-0-columns"));
    EXPECT_EQ(column<float>(bytes, layout, "kl_ab_lower_bound"), (std::vector<float>{0.25F, 2.75F}));
    EXPECT_EQ(column<float>(bytes, layout, "tv_upper_bound"), (std::vector<float>{0.375F, 1.0F}));
    EXPECT_EQ(column<std::uint32_t>(bytes, layout, "base_rank"), (std::vector<std::uint32_t>{1, 0xffffffff}));
    EXPECT_EQ(column<float>(bytes, layout, "aligned_margin"), (std::vector<float>{2.0F, 0.25F}));
    for (const auto& entry : layout) {
        for (const char* absent : {"kl_ab", "kl_ba", "js", "tv", "base_entropy"}) EXPECT_NE(entry[0], absent);
    }
}

TEST_F(ShiftPageTest, the_top_lists_keep_their_order_and_probabilities) {
    const std::string html = html_of(write_run(shift_record()));
    const ordered_json run = ordered_json::parse(element(html, "report-header"))["runs"][0];
    ASSERT_EQ(run["top_k"], 2);
    const std::string bytes = unpack(element(html, "run-0-top"));
    const ordered_json texts = ordered_json::parse(unpack(element(html, "run-0-texts")));
    const auto tokens = column<std::uint32_t>(bytes, run["top_layout"], "aligned_top");
    const auto logps = column<std::uint16_t>(bytes, run["top_layout"], "aligned_top_logp");
    ASSERT_EQ(tokens.size(), 4U);
    EXPECT_EQ(texts["tokens"][tokens[2]], " it");
    EXPECT_EQ(texts["tokens"][tokens[3]], " thing");
    EXPECT_NEAR(logps[2] / 1024.0, 1.0, 0.0005);
    EXPECT_NEAR(logps[3] / 1024.0, 1.5, 0.0005);
}

TEST_F(ShiftPageTest, a_list_shorter_than_the_others_is_filled_with_absent_slots) {
    ordered_json one = shift_record();
    one["base_top"][1] = ordered_json::parse("[[12,-0.5]]");
    const std::string html = html_of(write_run(one));
    const ordered_json run = ordered_json::parse(element(html, "report-header"))["runs"][0];
    const auto logps = column<std::uint16_t>(unpack(element(html, "run-0-top")), run["top_layout"], "base_top_logp");
    EXPECT_EQ(logps[2], 512);
    EXPECT_EQ(logps[3], 0xffff);
}

TEST_F(ShiftPageTest, text_from_a_run_adds_no_markup) {
    const std::string hostile = "</script><script>alert(1)</script><!--<script>&lt;";
    ordered_json one = shift_record();
    one["instruction"] = hostile;
    one["pieces"][0] = hostile;
    one["task"][0] = hostile;
    const ordered_json manifest{
        {"format", "urial.shift/1"}, {"identity", {{"base", {{"model", {{"name", hostile}}}}}}}, {"note", hostile}};
    ShiftPageOptions options;
    options.title = hostile;
    options.labels = {hostile};
    const std::string html = shift_page({write_run("run", one.dump() + "\n", manifest)}, options).html;
    const std::string plain = html_of(write_run("plain", shift_record().dump() + "\n"));
    const auto count = [](const std::string& text, const std::string& part) {
        std::size_t times = 0;
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
        return times;
    };
    for (const char* part : {"<script", "</script", "<!--"}) EXPECT_EQ(count(html, part), count(plain, part)) << part;
    EXPECT_EQ(ordered_json::parse(element(html, "report-header"))["title"], hostile);
}

TEST_F(ShiftPageTest, the_policy_names_exactly_the_scripts_and_the_styles_of_the_page) {
    const std::string html = html_of(write_run(shift_record()));
    const std::size_t start = html.find("content=\"default-src 'none'");
    ASSERT_NE(start, std::string::npos);
    const std::string policy = html.substr(start, html.find('>', start) - start);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    int inline_elements = 0;
    for (const std::string tag : {"script", "style"}) {
        const std::string open = "<" + tag + ">";
        for (std::size_t at = html.find(open); at != std::string::npos; at = html.find(open, at + 1)) {
            const std::size_t content = at + open.size();
            const std::string hex = sha256_hex(html.substr(content, html.find("</" + tag + ">", content) - content));
            std::string digest;
            for (std::size_t i = 0; i < hex.size(); i += 2)
                digest += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
            unsigned char text[64];
            EVP_EncodeBlock(text, reinterpret_cast<const unsigned char*>(digest.data()),
                            static_cast<int>(digest.size()));
            EXPECT_NE(policy.find("'sha256-" + std::string(reinterpret_cast<char*>(text)) + "'"), std::string::npos)
                << tag;
            ++inline_elements;
        }
    }
    EXPECT_EQ(inline_elements, 3);
    EXPECT_FALSE(std::regex_search(html.substr(0, start + policy.size() + 400), std::regex("(src|href)=\"(?!data:)")));
}

TEST_F(ShiftPageTest, runs_of_one_name_get_different_labels) {
    const fs::path first = write_run("x/run", shift_record().dump() + "\n");
    const fs::path second = write_run("y/run", shift_record().dump() + "\n");
    const ShiftPage page = shift_page({first, second}, {});
    const ordered_json runs = ordered_json::parse(element(page.html, "report-header"))["runs"];
    EXPECT_EQ(runs[0]["label"], "run");
    EXPECT_EQ(runs[1]["label"], "run (2)");
    EXPECT_EQ(page.answers, 2U);
    EXPECT_EQ(page.positions, 4U);
}

TEST_F(ShiftPageTest, a_torn_last_record_and_failed_ones_are_left_out) {
    const std::string whole = shift_record().dump() + "\n";
    const std::string failed = ordered_json{{"id", 8}, {"error", "too long"}}.dump() + "\n";
    const ShiftPage page = shift_page({write_run("run", whole + failed + whole.substr(0, 80))}, {});
    EXPECT_EQ(page.answers, 1U);
}

TEST_F(ShiftPageTest, a_record_that_stands_twice_counts_once_and_is_said_and_a_field_error_undoes_nothing) {
    ordered_json one = shift_record();
    one["key"] = "00ff";
    one["error"] = "of the input";
    const fs::path run = write_run("run", one.dump() + "\n\n" + one.dump() + "\n");
    EXPECT_EQ(shift_page({run}, {}).answers, 1U);
    EXPECT_TRUE(test::contains(html_of(run), "1 records stand in the run's file more than once"));
}

TEST_F(ShiftPageTest, a_broken_record_is_named_with_its_line) {
    const std::string whole = shift_record().dump() + "\n";
    EXPECT_ERROR(html_of(write_run("a", whole + "{\"id\": \n" + whole)), ErrorKind::BadInput, "records.jsonl:2");
    ordered_json shorter = shift_record();
    shorter["kl_ab"] = {0.5};
    EXPECT_ERROR(html_of(write_run("b", whole + shorter.dump() + "\n")), ErrorKind::BadInput,
                 "records.jsonl:2: \"kl_ab\" has 1 entries for 2 tokens");
    ordered_json rank = shift_record();
    rank["base_rank"][1] = 0;
    EXPECT_ERROR(html_of(write_run(rank)), ErrorKind::BadInput, "ranks count from 1");
    ordered_json piece = shift_record();
    piece["top_pieces"] = {{"-1", "x"}};
    EXPECT_ERROR(html_of(write_run(piece)), ErrorKind::BadInput, "no token id");
    EXPECT_ERROR(html_of(write_run("empty", "")), ErrorKind::BadInput, "no analysed answer");
}

TEST_F(ShiftPageTest, a_measure_that_is_not_finite_is_null_in_the_record_and_no_number_in_the_page) {
    ordered_json one = shift_record();
    one["kl_ba"][0] = nullptr;
    const std::string html = html_of(write_run(one));
    const ordered_json run = ordered_json::parse(element(html, "report-header"))["runs"][0];
    const auto values = column<float>(unpack(element(html, "run-0-columns")), run["column_layout"], "kl_ba");
    EXPECT_TRUE(std::isnan(values[0]));
    EXPECT_EQ(values[1], 3.5F);
}

TEST_F(ShiftPageTest, a_page_says_which_answers_it_has) {
    ordered_json other = shift_record();
    other["id"] = "seven";
    write_file_atomic(
        folder_ / "page.html",
        shift_page({write_run("a", shift_record().dump() + "\n"), write_run("b", other.dump() + "\n")}, {}).html);
    const std::string instruction = shift_record()["instruction"];
    EXPECT_EQ(shift_page_items(folder_ / "page.html"),
              (std::map<std::string, std::string>{{"7", instruction}, {"seven", instruction}}));
    write_file_atomic(folder_ / "other.html", "<!doctype html>");
    EXPECT_ERROR(shift_page_items(folder_ / "other.html"), ErrorKind::BadInput, "no page of shift runs");
    write_file_atomic(folder_ / "broken.html", "<script id=\"run-0-texts\">AAAA</script>");
    EXPECT_ERROR(shift_page_items(folder_ / "broken.html"), ErrorKind::BadInput, "not base64 of gzip");
}

TEST_F(ShiftPageTest, the_header_says_which_weights_were_used_and_which_are_quantised) {
    const auto header_of = [&](const char* base, const char* aligned) {
        ordered_json manifest{{"format", "urial.shift/1"}};
        manifest["identity"]["base"]["model"]["weight_type"] = base;
        manifest["identity"]["aligned"]["model"]["weight_type"] = aligned;
        const std::string html = html_of(write_run("run", shift_record().dump() + "\n", manifest));
        return ordered_json::parse(element(html, "report-header"))["runs"][0];
    };
    EXPECT_EQ(header_of("F32", "F32")["weights"], "F32");
    EXPECT_TRUE(header_of("F32", "BF16")["warnings"].empty());
    EXPECT_EQ(header_of("F32", "BF16")["weights"], "F32 → BF16");
    const auto warning_of = [&](const char* base, const char* aligned) {
        return header_of(base, aligned)["warnings"].at(0).get<std::string>();
    };
    EXPECT_TRUE(test::contains(warning_of("Q4_K - Medium", "Q4_K - Medium"), "quantised (Q4_K - Medium)"));
    EXPECT_TRUE(test::contains(warning_of("all MXFP4 MoE", "F16"), "quantised (all MXFP4 MoE)"));
}

TEST_F(ShiftPageTest, a_folder_that_is_no_run_is_named) {
    EXPECT_ERROR(run_format(folder_ / "nowhere"), ErrorKind::NotFound, "no run folder");
    EXPECT_ERROR(run_format(write_run("odd", "", ordered_json::object())), ErrorKind::BadInput, "no \"format\"");
    EXPECT_EQ(run_format(write_run(shift_record())), "urial.shift/1");
}

}  // namespace
}  // namespace urial::report
