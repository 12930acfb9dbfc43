// Command health tells what GitOps tools make of Kubernetes objects, by the libraries that those tools are made of. For each JSON
// value on standard input it prints one on standard output; see question and answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
)

type question struct {
	// The object as it is in the cluster.
	Object json.RawMessage `json:"object"`
	// For Argo CD: the health check of its kind.
	Lua string `json:"lua,omitempty"`
	// For Argo CD: the object as it is in git, to be compared with the one in the cluster.
	Git json.RawMessage `json:"git,omitempty"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type answer struct {
	// By kstatus' generic rules, which Flux goes by.
	Kstatus health `json:"kstatus"`
	// By Argo CD, given the health check.
	Argo *health `json:"argo,omitempty"`
	// What Argo CD's three-way diff of a custom resource would have changed; {} is in sync.
	Diff json.RawMessage `json:"diff,omitempty"`
}

func main() {
	input := json.NewDecoder(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		var asked question
		if err := input.Decode(&asked); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			fail(err)
		}
		told, err := judge(asked)
		if err != nil {
			fail(err)
		}
		if err := output.Encode(told); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func judge(asked question) (answer, error) {
	var told answer
	object := &unstructured.Unstructured{}
	// Not json.Unmarshal: the API machinery reads whole numbers as int64, on which all of these tools rely.
	if err := object.UnmarshalJSON(asked.Object); err != nil {
		return told, err
	}
	computed, err := status.Compute(object)
	if err != nil {
		return told, err
	}
	told.Kstatus = health{Status: computed.Status.String(), Message: computed.Message}
	if asked.Lua != "" {
		if told.Argo, err = runHealthCheck(object.Object, asked.Lua); err != nil {
			return told, err
		}
	}
	if asked.Git != nil {
		// Applied and in git are the same here: what Argo CD has synced. The patch is what kubectl apply would send.
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(asked.Git, asked.Git, asked.Object)
		if err != nil {
			return told, err
		}
		told.Diff = patch
	}
	return told, nil
}

// runHealthCheck runs a script as Argo CD does where resource.customizations.useOpenLibs is not set: a second at most, and none of
// Lua's libraries but its basic functions and table. In particular there is no string library.
// Source: https://github.com/argoproj/argo-cd/blob/master/util/lua/lua.go
func runHealthCheck(object map[string]any, script string) (*health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		call := lua.P{Fn: state.NewFunction(open), Protect: true}
		if err := state.CallByParam(call, lua.LString(name)); err != nil {
			return nil, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	table, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return nil, fmt.Errorf("expected a table, not %s", state.Get(-1).Type())
	}
	told := &health{}
	for field, target := range map[string]*string{"status": &told.Status, "message": &told.Message} {
		switch value := table.RawGetString(field).(type) {
		case *lua.LNilType:
		case lua.LString:
			*target = string(value)
		default:
			return nil, fmt.Errorf("%s: expected a string, not %s", field, value.Type())
		}
	}
	return told, nil
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		list := state.NewTable()
		for _, item := range value {
			list.Append(toLua(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
