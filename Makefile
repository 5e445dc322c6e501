# grayxdp. `make help` lists the targets; everything is built in build/$(MODE)/.
MODE     ?= release
PREFIX   ?= /usr/local
SECONDS  ?= 60
CLANG    ?= clang
BPFTOOL  ?= bpftool
CXXFLAGS ?= -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
B        ?= build/$(MODE)

release := -O2 -g
debug   := -O0 -g3
asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
# g++ refuses the fences of Boost.Asio under -fsanitize=thread; its locks order the same things.
tsan    := -O1 -g -fsanitize=thread -DBOOST_ASIO_DISABLE_FENCED_BLOCK
# `make fuzz` sets this one, with clang++. Bounds of the standard library are checked, too.
fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -D_GLIBCXX_ASSERTIONS
$(if $($(MODE)),,$(error MODE=$(MODE): want release, debug, asan, tsan or fuzz))

# The modules, each with those it may use: a module links with nothing else, so the arrows of the
# design are what the linker checks. A new file needs no edit here, a new folder one line.
uses_userspace/base    :=
uses_userspace/packet  := userspace/base
uses_userspace/pcapng  := userspace/packet
uses_userspace/kernel  := userspace/packet
uses_userspace/lab     := userspace/base
uses_userspace/capture := userspace/kernel userspace/pcapng
uses_replay/stream     := userspace/packet
uses_replay/rewrite    := userspace/packet
uses_replay/inject     := replay/rewrite userspace/capture
uses_replay/protocol   := replay/stream
uses_replay/content    := replay/protocol
uses_replay/schema     := replay/content
uses_replay/select     := replay/protocol
uses_replay/scrub      := replay/schema
uses_replay/send       := replay/protocol
uses_replay/compare    := replay/send replay/scrub
uses_replay/gate       := replay/compare replay/select
uses_replay/session    := replay/send replay/scrub
uses_replay/report     := replay/gate replay/session
modules := $(patsubst uses_%,%,$(filter uses_%,$(.VARIABLES)))

# Modules that have tests only: the BPF programs, and the tools as their users see them.
uses_bpf           := userspace/kernel userspace/pcapng userspace/lab
uses_tools/grayxdp := userspace/capture userspace/lab replay/report replay/inject
uses_tools/pktgen  := userspace/kernel
uses_tools/arrivals := userspace/kernel replay/inject
uses_tools/xskcount := userspace/kernel
uses_tools/xsktx   := userspace/base
uses_tools/steadyload := userspace/base
uses_tools/streambench := replay/protocol userspace/pcapng
uses_tools/grpclab := userspace/base

sources = $(filter-out %_test.cc %_fuzz.cc,$(wildcard $1/*.cc $1/*/*.cc))
tests   = $(wildcard $1/*_test.cc $1/*/*_test.cc)
targets = $(wildcard $1/*_fuzz.cc $1/*/*_fuzz.cc)
closure = $(sort $(foreach d,$(uses_$1),$d $(call closure,$d)))
objects = $(patsubst %.c,$B/%.o,$(patsubst %.cc,$B/%.o,$1))

# X_test.cc needs nothing; X_root_test.cc needs root: BPF programs, or a lab of namespaces.
tested    := $(modules) bpf tools/grayxdp tools/streambench
unit_of    = $(filter-out %_root_test.cc,$(call tests,$1))
root_of    = $(filter %_root_test.cc,$(call tests,$1))
name_of    = $B/test/$(subst /,_,$1)
unit_bins := $(foreach m,$(tested),$(if $(call unit_of,$m),$(call name_of,$m)_test))
root_bins := $(foreach m,$(tested),$(if $(call root_of,$m),$(call name_of,$m)_root_test))
bpf_bins  := $(filter %/bpf_root_test,$(root_bins))

# X_fuzz.cc is a libFuzzer target of its own, linked as the tests of its module are.
fuzz_of    = $(patsubst %.cc,build/fuzz/target/%,$(subst /,_,$1))
fuzz_bins := $(foreach m,$(modules),$(call fuzz_of,$(call targets,$m)))

bpf      := $(wildcard bpf/*.bpf.c)
bpf_cxx  := $(addprefix bpf/,agreement.h assembled.h corpus.h expressions.h fragments_for_test.h test_run.h)
skels    := $(bpf:bpf/%.bpf.c=$B/skel/%.skel.h)
bins     := $(patsubst tools/%/,$B/%,$(wildcard tools/*/))
llhttp   := $B/llhttp/api.o $B/llhttp/http.o $B/llhttp/llhttp.o

project  := -std=c++20 $($(MODE)) -I. -isystem $B/skel -isystem /usr/share/include/llhttp -DFMT_DEPRECATED_OSTREAM
libs     := -Wl,--as-needed -lxdp -lbpf -lpcap -lyaml-cpp -lfmt -lre2 -lssl -lcrypto -lzstd -lz -lbrotlidec -lbrotlienc -lnghttp2 -lprotobuf -pthread
bpfflags := --target=bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I. -idirafter /usr/include/$(shell uname -m)-linux-gnu

Q    := $(if $V,,@)
note  = @$(if $V,:,printf '  %-5s %s\n' $1 $2); mkdir -p $(@D)

all: $(bins)  ## every binary (MODE=release|debug|asan|tsan, V=1 shows commands)

$B/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call note,BPF,$<)
	$Q$(CLANG) $(bpfflags) -MMD -MP -c $< -o $@
$B/skel/%.skel.h: $B/bpf/%.bpf.o
	$(call note,SKEL,$@)
	$Q$(BPFTOOL) gen skeleton $< name $*_bpf > $@
$B/%.o: %.cc Makefile
	$(call note,CXX,$<)
	$Q$(CXX) $(project) $(CXXFLAGS) -MMD -MP -c $< -o $@
$B/llhttp/%.o: /usr/share/llhttp/%.c Makefile
	$(call note,CC,$<)
	$Q$(CC) $($(MODE)) -I/usr/share/include/llhttp -c $< -o $@
skeletons_in := $(call sources,userspace/kernel) $(call tests,bpf) \
                $(foreach t,pktgen arrivals xskcount,$(call sources,tools/$t))
$(call objects,$(skeletons_in)): $(skels)

# The peers that speak gRPC: what protoc writes is compiled as it is, without $(CXXFLAGS). Programs
# are made of the newest version of the schema; what reads captures is given both, as descriptors.
shop := $B/proto/shop
$(shop).pb.h $(shop).pb.cc $(shop).grpc.pb.h $(shop).grpc.pb.cc &: tools/grpclab/v2/shop.proto Makefile
	$(call note,PROTO,$<)
	$Qprotoc -I $(<D) --cpp_out=$(@D) --grpc_out=$(@D) --plugin=protoc-gen-grpc=$$(command -v grpc_cpp_plugin) $<
$B/proto/v%.binpb: tools/grpclab/v%/shop.proto Makefile
	$(call note,PROTO,$<)
	$Qprotoc -I $(<D) --include_imports --descriptor_set_out=$@ $<
$(shop).pb.o $(shop).grpc.pb.o: %.o: %.cc $(shop).pb.h $(shop).grpc.pb.h
	$(call note,CXX,$<)
	$Q$(CXX) -std=c++20 $($(MODE)) -I$(<D) -c $< -o $@
$(call objects,$(call sources,tools/grpclab)): $(shop).pb.h $(shop).grpc.pb.h
$(call objects,$(call sources,tools/grpclab)): CXXFLAGS += -isystem $B/proto
$B/grpclab: $(shop).pb.o $(shop).grpc.pb.o | $B/proto/v1.binpb $B/proto/v2.binpb
$B/grpclab: libs += -lgrpc++ -lgrpc -lgpr -labsl_synchronization

define module_rules
$B/$1.a: $(call objects,$(call sources,$1)) $(if $(filter replay/protocol,$1),$(llhttp))
	$$(call note,AR,$$@)
	$$Q$$(RM) $$@ && $$(AR) rcs $$@ $$^
endef
$(foreach m,$(modules),$(eval $(call module_rules,$m)))

# A tool is no module: its tests link what it is made of, but for main.
own_objects = $(call objects,$(filter-out %/main.cc,$(call sources,$(filter tools/%,$1))))

define test_rules
$(call name_of,$1)_test $(call name_of,$1)_root_test: $(if $(filter tools/%,$1),$(call own_objects,$1))
$(call name_of,$1)_test: $(call objects,$(call unit_of,$1))
$(call name_of,$1)_root_test: $(call objects,$(call root_of,$1))
$(call name_of,$1)_root_test: $B/userspace/lab.a $B/userspace/base.a
$(call name_of,$1)_test $(call name_of,$1)_root_test: $(patsubst %,$B/%.a,$(filter $1,$(modules)) $(call closure,$1))
endef
$(foreach m,$(tested),$(eval $(call test_rules,$m)))
$(unit_bins) $(root_bins): gtest := -lgtest_main -lgtest
# The second opinion on reassembly: nothing that is installed links with it.
$B/streambench $B/test/tools_streambench_test: libs += -ltins

define fuzz_rules
$(call fuzz_of,$2): $(call objects,$2) $(patsubst %,$B/%.a,$1 $(call closure,$1))
	$$(call note,LD,$$@)
	$$Q$$(CXX) $($(MODE)) -fsanitize=fuzzer $$(LDFLAGS) $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(libs) -o $$@
endef
$(foreach m,$(modules),$(foreach f,$(call targets,$m),$(eval $(call fuzz_rules,$m,$f))))
fuzz-targets: $(fuzz_bins)

# Sanitizers have an allocator of their own.
allocator_release := -ljemalloc
$B/grayxdp: libs += $(allocator_$(MODE))

define tool_rules
$B/$1: $(call objects,$(call sources,tools/$1)) $(patsubst %,$B/%.a,$(call closure,tools/$1))
endef
$(foreach t,$(notdir $(bins)),$(eval $(call tool_rules,$t)))
$(bins) $(unit_bins) $(root_bins):
	$(call note,LD,$@)
	$Q$(CXX) $($(MODE)) $(LDFLAGS) $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(gtest) $(libs) -o $@

unit: all $(unit_bins)  ## tests that need no root
	@scripts/run-tests.sh $(unit_bins)
bpf-test: $(bpf_bins)  ## tests of the BPF programs (root)
	@scripts/run-tests.sh $^
unit-bpf-test: all $(unit_bins) $(bpf_bins)  ## both
	@scripts/run-tests.sh $(unit_bins) $(bpf_bins)
tests: all $(unit_bins) $(root_bins)  ## build every test
test: tests  ## build and run every test (root)
	@scripts/run-tests.sh $(unit_bins) $(root_bins)
fuzz:  ## build the libFuzzer targets and their seeds, in build/fuzz/ (clang)
	@$(MAKE) --no-print-directory MODE=fuzz CC=$(CLANG) CXX=$(CLANG)++ fuzz-targets
	@scripts/fuzz-seeds.py build/fuzz/seeds
fuzz-smoke: fuzz  ## run each of them for SECONDS=60, two at a time
	@scripts/run-fuzz.sh $(SECONDS) $(fuzz_bins)
deps:  ## install the Debian packages that are missing (root)
	@scripts/install-deps.sh
check: deps  ## everything from a fresh clone: packages, build, all tests (root)
	@$(MAKE) --no-print-directory -j$(shell nproc) tests
	@$(MAKE) --no-print-directory test
check-vm:  ## zero-copy and more, shown in small virtual machines (packages and a tap device: root)
	@[ "$$(id -u)" -ne 0 ] || scripts/install-deps.sh vm
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@scripts/check-vm.sh $B
demo: deps  ## everything from a fresh clone: packages, build, the main job shown in a lab (root)
	@$(MAKE) --no-print-directory -j$(shell nproc) all
	@scripts/demo.sh $B
install: all  ## into $(DESTDIR)$(PREFIX)/sbin
	install -D -m 0755 -t $(DESTDIR)$(PREFIX)/sbin $B/grayxdp
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 tools/grayxdp/grayxdp.1
format:  ## clang-format every tracked source
	git ls-files 'bpf/*.c' 'bpf/*.h' $(bpf_cxx:%=':!%') | xargs clang-format -i
	git ls-files '*.cc' '*.h' ':!bpf/*.h' $(bpf_cxx) | xargs clang-format -i --style=file:.clang-format
clean:  ## remove build/
	$(RM) -r build
help:
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 14

.PHONY: all unit fuzz fuzz-targets fuzz-smoke bpf-test unit-bpf-test tests test deps check check-vm demo install format clean help
.DELETE_ON_ERROR:
.SECONDARY: $(bpf:%.c=$B/%.o)
-include $(shell find $B -name '*.d' 2>/dev/null)
