package gather

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// pagedPods makes the server return its pods page by page, with what each call asked for; fail is called before each.
func pagedPods(c cluster, pages [][]string, fail func(token string) error) *[]string {
	var asked []string
	c.kubernetes.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		opts := a.(clienttesting.ListActionImpl).ListOptions
		asked = append(asked, opts.Continue)
		if opts.Limit != pageSize {
			return true, nil, apierrors.NewBadRequest("no limit")
		}
		if err := fail(opts.Continue); err != nil {
			return true, nil, err
		}
		index := 0
		if opts.Continue != "" {
			index = int(opts.Continue[len(opts.Continue)-1] - '0')
		}
		list := &corev1.PodList{}
		for _, name := range pages[index] {
			list.Items = append(list.Items, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}})
		}
		if index+1 < len(pages) {
			list.Continue = string(rune('0' + index + 1))
		}
		return true, list, nil
	})
	return &asked
}

func TestEachPod(t *testing.T) {
	pages := [][]string{{"a", "b"}, {"c"}, {"d"}}
	expired := func(token string) error {
		err := apierrors.NewResourceExpired("too old")
		err.ErrStatus.Continue = token
		return err
	}
	stop := errors.New("enough")
	for name, test := range map[string]struct {
		pages   [][]string // nil: those above
		fail    func(token string) error
		use     func(names []string) error
		want    []string
		asked   []string // nil: how far the reading ahead came is nobody's business
		wantErr error
	}{
		"all pages": {
			want: []string{"a", "b", "c", "d"}, asked: []string{"", "1", "2"},
		},
		"a token that is too old is replaced": {
			fail: func(token string) error {
				if token == "1" {
					return expired("fresh-1")
				}
				return nil
			},
			want: []string{"a", "b", "c", "d"}, asked: []string{"", "1", "fresh-1", "2"},
		},
		"a token that stays too old is an error": {
			fail: func(token string) error {
				if token != "" {
					return expired(token)
				}
				return nil
			},
			want: []string{"a", "b"}, asked: []string{"", "1"}, wantErr: expired("1"),
		},
		"a page that fails is an error": {
			fail: func(token string) error {
				if token == "2" {
					return forbidden("pods")
				}
				return nil
			},
			want: []string{"a", "b", "c"}, asked: []string{"", "1", "2"}, wantErr: forbidden("pods"),
		},
		"an error of the reader ends it": {
			pages:   [][]string{slices.Repeat([]string{"a"}, pageSize), {"b"}},
			use:     func([]string) error { return stop },
			want:    slices.Repeat([]string{"a"}, pageSize),
			wantErr: stop,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.fail == nil {
				test.fail = func(string) error { return nil }
			}
			c := newCluster(nil, nil)
			if test.pages == nil {
				test.pages = pages
			}
			asked := pagedPods(c, test.pages, test.fail)
			var got []string
			err := c.live().EachPod(t.Context(), Request{}, func(pods []inspect.Pod) error {
				var names []string
				for _, p := range pods {
					names = append(names, p.Name)
				}
				got = append(got, names...)
				if test.use != nil {
					return test.use(names)
				}
				return nil
			})
			if (err == nil) != (test.wantErr == nil) || err != nil && !strings.HasSuffix(err.Error(), test.wantErr.Error()) {
				t.Errorf("got error %v, want %v", err, test.wantErr)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got pods %q, want %q", got, test.want)
			}
			if test.asked != nil && !slices.Equal(*asked, test.asked) {
				t.Errorf("asked with tokens %q, want %q", *asked, test.asked)
			}
		})
	}
}

func TestEachPodInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := newCluster(nil, nil)
	// More pages than are read ahead: the last of them cannot have come before the interruption.
	pagedPods(c, slices.Repeat([][]string{slices.Repeat([]string{"a"}, pageSize)}, 50), func(string) error { return ctx.Err() })
	err := c.live().EachPod(ctx, Request{}, func([]inspect.Pod) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that of the context", err)
	}
}
