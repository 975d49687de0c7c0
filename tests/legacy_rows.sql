-- Rows as the predecessor left them, for MySQL, MariaDB and SQLite alike: so no backslash, and '' for a quote.

-- A flow that runs, in the key order of the format page.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(1, 'old_hello', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "hello"}}, {"name": "step2", "mod": "common.Kt", "method": "prt", "params": {"msg": "@step1.msg"}}]}', 1, 0, '2025-12-19 08:39:02.123', '2025-12-19 08:39:02.123');

-- Keys in the order in which MySQL 8 stores them: by length, then by letter.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(2, 'old_key_order', '{"procedures": [{"mod": "common.Kt", "name": "step1", "method": "prt", "params": {"msg": "sorted"}}]}', 1, 0, '2025-12-19 08:39:03.000', '2026-01-05 23:59:59.999');

-- Flags that were never set.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(3, 'old_null_flags', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "null"}}]}', NULL, NULL, '2025-12-20 00:00:00.000', '2025-12-20 00:00:00.000'),
(4, 'old_enabled_null_deleted', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "on"}}]}', 1, NULL, '2025-12-20 00:00:01.000', '2025-12-20 00:00:01.000'),
(5, 'old_disabled', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "off"}}]}', 0, 0, '2025-12-20 00:00:02.000', '2025-12-20 00:00:02.000');

-- Deleted while it was enabled.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(6, 'old_deleted', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "gone"}}]}', 1, 1, '2025-12-21 10:00:00.500', '2025-12-22 11:00:00.500');

-- Documents that the checker refuses: a reference to a later step, a module that does not exist, another shape, no object.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(7, 'old_bad_reference', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "@step2.msg"}}, {"name": "step2", "mod": "common.Kt", "method": "prt", "params": {"msg": "x"}}]}', 1, 0, '2025-12-23 09:00:00.000', '2025-12-23 09:00:00.000'),
(8, 'old_unknown_module', '{"procedures": [{"name": "step1", "mod": "sales.Report", "method": "build"}]}', 1, 0, '2025-12-23 09:00:01.000', '2025-12-23 09:00:01.000'),
(9, 'old_other_shape', '{"steps": []}', 1, 0, '2025-12-23 09:00:02.000', '2025-12-23 09:00:02.000'),
(10, 'old_not_an_object', '[]', 0, 0, '2025-12-23 09:00:03.000', '2025-12-23 09:00:03.000');

-- A name and a message in Chinese.
INSERT INTO wf_flow (id, flow_name, flow_json, enabled, deleted, created_at, updated_at) VALUES
(11, '每日报表', '{"procedures": [{"name": "step1", "mod": "common.Kt", "method": "prt", "params": {"msg": "你好，世界"}}]}', 1, 0, '2025-12-24 08:00:00.000', '2025-12-24 08:00:00.000');

-- Log rows in local time: plain, a dict as its str(), Chinese, an emoji, a traceback of several lines, markup, an empty text.
INSERT INTO wf_syslog (id, created_at, level, logger_name, message) VALUES
(1, '2025-12-19 08:39:02.124', 'INFO', 'engine', 'flow old_hello started'),
(2, '2025-12-19 08:39:02.125', 'INFO', 'common.Kt', '{''msg'': ''hello''}'),
(3, '2025-12-19 08:39:02.126', 'INFO', 'common.Kt', 'msg=hello'),
(4, '2025-12-19 23:59:59.999', 'WARNING', 'common.Kt', '数据为空，已跳过'),
(5, '2025-12-20 00:00:00.000', 'INFO', 'common.Kt', 'done 🎉'),
(6, '2025-12-20 00:00:01.500', 'ERROR', 'engine', 'step1 failed
Traceback (most recent call last):
  File "engine.py", line 42, in run
    result = method(context, params)
KeyError: ''msg'''),
(7, '2025-12-20 00:00:02.000', 'CRITICAL', 'root', '<script>alert(1)</script>'),
(8, '2025-12-20 00:00:03.000', 'DEBUG', 'common.Kt', '');
