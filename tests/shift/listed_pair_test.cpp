// A pair known by its lists against the same pair known whole: what both say is the same, and what only bounds a
// divergence does bound it.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/files.h"
#include "shift/listed_side.h"
#include "shift/record.h"
#include "support/expect_text.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"
#include "support/shift_record.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

Side scripted_side(std::string says) {
    Side side;
    side.model = std::make_shared<test::ScriptedModel>(
        test::answer_after("A: ", [says = std::move(says)](std::string_view) { return says; }));
    side.prompt = generate::in_context_prompt(test::small_prompt());
    return side;
}

std::vector<ShiftRecord> records_in(const fs::path& folder) {
    std::vector<ShiftRecord> records;
    for_each_record(records_file(folder), [&](ShiftRecord&& record) { records.push_back(std::move(record)); });
    std::ranges::sort(records, {}, &ShiftRecord::id);
    return records;
}

class ListedPairTest : public ::testing::Test {
protected:
    ListedPairTest() {
        for (int i = 0; i < 7; ++i) {
            ShiftItem item;
            item.id = std::to_string(i);
            item.conversation.query = "query " + item.id;
            item.fields = {{"id", i}};
            if (i % 3 == 1) item.answer_text = "gap";
            items_.push_back(std::move(item));
        }
        options_.max_tokens = 100;
    }

    void run_both(const std::string& base, const std::string& aligned) {
        options_.folder = folder_ / "whole";
        EXPECT_EQ(run_shift(scripted_side(base), scripted_side(aligned), items_, options_).progress.done, 7U);
        options_.folder = folder_ / "listed";
        const auto listed_base = listed_side(scripted_side(base));
        const auto listed_aligned = listed_side(scripted_side(aligned));
        EXPECT_EQ(run_shift(*listed_base, *listed_aligned, items_, options_).progress.done, 7U);
    }

    test::TemporaryFolder folder_;
    std::vector<ShiftItem> items_;
    ShiftOptions options_;
};

TEST_F(ListedPairTest, says_the_same_as_the_whole_pair_and_bounds_what_it_cannot_say) {
    run_both("good old", "gold");
    const std::vector<ShiftRecord> whole = records_in(folder_ / "whole");
    const std::vector<ShiftRecord> listed = records_in(folder_ / "listed");
    ASSERT_EQ(whole.size(), listed.size());
    double least = 1e9;
    for (std::size_t i = 0; i < whole.size(); ++i) {
        EXPECT_EQ(listed[i].answer_ids, whole[i].answer_ids);
        EXPECT_EQ(listed[i].pieces, whole[i].pieces);
        EXPECT_EQ(listed[i].base_rank, whole[i].base_rank);
        EXPECT_EQ(listed[i].aligned_rank, whole[i].aligned_rank);
        EXPECT_EQ(listed[i].base_logp, whole[i].base_logp);
        EXPECT_EQ(listed[i].base_top, whole[i].base_top);
        EXPECT_EQ(listed[i].aligned_top, whole[i].aligned_top);
        EXPECT_EQ(listed[i].base_margin, whole[i].base_margin);
        EXPECT_EQ(listed[i].aligned_argmax, whole[i].aligned_argmax);
        EXPECT_TRUE(listed[i].kl_ab.empty());
        for (std::size_t p = 0; p < whole[i].kl_ab.size(); ++p) {
            EXPECT_LE(listed[i].kl_ab_lower[p], whole[i].kl_ab[p] + 1e-5);
            EXPECT_LE(listed[i].tv_lower[p], whole[i].tv[p] + 1e-5);
            EXPECT_GE(listed[i].tv_upper[p], whole[i].tv[p] - 1e-5);
            if (whole[i].kl_ab[p] > 1) least = std::min(least, listed[i].kl_ab_lower[p] / whole[i].kl_ab[p]);
        }
    }
    EXPECT_GT(least, 0.5) << "a bound that is far below says nothing";
    EXPECT_LT(least, 1e9) << "no position is shifted: the test says nothing";
}

TEST_F(ListedPairTest, a_row_of_the_table_has_the_bounds_and_no_empty_columns_for_what_is_not_known) {
    const fs::path folder = folder_ / "run";
    write_file_atomic(folder / "records.jsonl", test::bounded_record().dump() + "\n");
    write_csv(folder, folder_ / "out.csv");
    EXPECT_EQ(read_text_file(folder_ / "out.csv"),
              "id,position,token,piece,class,base_rank,aligned_rank,base_logp,aligned_logp,kl_ab_lower_bound,"
              "tv_lower_bound,tv_upper_bound,base_argmax,aligned_argmax,base_margin,aligned_margin\n"
              "7,0,10,Sure,unshifted,1,1,-0.25,-0.125,0.25,0.125,0.375,10,10,1.0,2.0\n"
              "7,1,11,\" thing\",shifted,,2,-12.5,-1.5,2.75,0.5,1.0,12,12,0.5,0.25\n");
}

}  // namespace
}  // namespace urial::shift
