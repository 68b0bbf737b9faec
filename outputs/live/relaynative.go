package live

import "strings"

// relayFlag says whether an option is one of ffmpeg's own that have no value and are allowed.
func relayFlag(name string) bool {
	switch strings.TrimPrefix(name, "no") {
	case "y", "shortest", "bitexact", "copyinkf", "ignore_unknown", "copy_unknown", "xerror", "vn", "an", "sn", "dn":
		return true
	}
	return false
}

// refusal says why one of ffmpeg's own options is not allowed, or nothing.
//
// All of them that have no value and are not in relayFlag must be here, of every version: taken for an option with a
// value, they would hide an output. Options that are not ffmpeg's own, but those of formats and protocols, have a value.
func refusal(name, value string) string {
	switch strings.TrimPrefix(name, "no") {
	case "i", "attach", "dump_attachment", "isync", "sources", "sinks":
		return "its only input is the stream"
	case "t", "to", "fs", "frames", "vframes", "aframes", "dframes", "timelimit", "sseof":
		return "a relay has no end: it would begin again each time"
	case "lavfi", "filter_complex", "filter_complex_script", "filter", "filter_script", "vf", "af", "autoscale", "autorotate",
		"apply_cropping", "deinterlace", "intra", "psnr", "qphist", "fix_sub_duration", "fix_sub_duration_heartbeat", "force_fps",
		"auto_conversion_filters", "reinit_filter", "drop_changed", "display_hflip", "display_vflip", "same_quant", "sameq",
		"filter_threads", "filter_complex_threads", "filter_buffered_frames", "filter_hw_device", "target", "pre", "vpre",
		"apre", "spre", "fpre", "pass", "passlogfile", "hwaccel", "init_hw_device", "vaapi_device", "qsv_device",
		"hwaccel_lax_profile_check", "newvideo", "newaudio", "newsubtitle", "loop_input", "loop_output":
		return "it copies, without filters, encoders and what sets their options"
	case "c", "codec", "vcodec", "acodec", "scodec", "dcodec":
		if value != "copy" {
			return "it copies, and has no other codec than copy"
		}
	case "progress", "stats_period", "stats", "loglevel", "v", "report", "stdin", "hide_banner", "benchmark", "benchmark_all",
		"dump", "hex", "debug_ts", "vstats", "vstats_file", "vstats_version", "cpuflags", "cpucount", "max_alloc", "print_graphs",
		"print_graphs_file", "print_graphs_format", "sdp_file", "stats_enc_pre", "stats_enc_post", "stats_mux_pre":
		return "how ffmpeg reports is set here"
	case "re", "readrate", "stream_loop", "accurate_seek", "find_stream_info", "recast_media", "seek_timestamp", "copyts",
		"start_at_zero", "itsoffset", "itsscale", "thread_queue_size":
		return "how the stream is read is set here"
	case "n", "":
		return "files that exist are never written over, unless with -y"
	case "L", "h", "?", "help", "version", "buildconf", "formats", "muxers", "demuxers", "devices", "codecs", "decoders",
		"encoders", "bsfs", "protocols", "filters", "pix_fmts", "layouts", "sample_fmts", "dispositions", "colors", "hwaccels":
		return "it shows something and ends; run ffmpeg by hand for it"
	}
	return ""
}
