#pragma once

// Measuring answers: data sets and rubrics in, judges asked and their replies read strictly, tables with intervals out.
// Everything but the load_*, save_* and import_* functions, run_judges() and the judges themselves is pure; nothing
// here prints.
//
//   dataset.h     items and answers from files, filters
//   rubric.h      what a judge is asked, the schema of its reply, attempts to steer it
//   rubric_kind.h what differs between scores, pairs and tags
//   verdict.h     a reply becomes verdicts
//   judge.h       who is asked; remote_judge.h: an OpenAI-compatible server; local_judge.h (not
//                 included here): a model in this process
//   judge_tasks.h which rubric is put to the judges for which item and answer
//   judge_run.h   asking them: resumable, retried, within a budget (price.h)
//   record.h      items, answers, verdicts, records, run folders
//   summary.h     means by aspect, task, topic, source, difficulty; comparison of two runs
//   win_rate.h    pairwise records: wins, flips, length-controlled rate
//   mt_bench.h    two turns, categories
//   original.h    the original authors' files and rules
//   statistics.h  bootstrap, sign flips, measures of agreement
//   json_values.h numbers of tables as JSON
//   agreement.h   raters against raters, the judges of a jury

#include "eval/agreement.h"
#include "eval/dataset.h"
#include "eval/json_values.h"
#include "eval/judge_run.h"
#include "eval/judge_tasks.h"
#include "eval/mt_bench.h"
#include "eval/original.h"
#include "eval/price.h"
#include "eval/record.h"
#include "eval/remote_judge.h"
#include "eval/rubric.h"
#include "eval/statistics.h"
#include "eval/summary.h"
#include "eval/verdict.h"
#include "eval/win_rate.h"
